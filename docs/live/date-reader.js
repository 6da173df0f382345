// The translator of the page Dates reads a text, writes the three likeliest days
// it finds, and shows where in the text each symbol looked.
import { attention, dense, embedding, gru_cell, softmax } from "./cells.js";
import { Explorer, choice, el, number } from "./frame.js";
import { load } from "./npz.js";
import { cutTo, fetching, safe } from "./texts.js";

const START = 1;
const UNKNOWN = 3;
const LOCALES = ["en_US", "de", "fr", "es", "ru", "ar", "hi", "zh_CN", "ja", "ko"];
const LONGEST = 40;
const LENGTH = 11; // of an answer, the stop symbol included
const WIDTH = 3; // answers kept at each step
const TEXTS = ["5/3/15", "February 30, 2015", "2015年5月21日", "21 мая 2015 г.", "May 21, 1815"];

class Translator {
  constructor({ symbols, ...file }) {
    [this.symbols_in, this.symbols_out] = JSON.parse(symbols);
    this.number_in = new Map(this.symbols_in.map((symbol, n) => [symbol, n]));
    const w = Array.from({ length: 15 }, (_, n) => file[`arr_${n}`]);
    this.size = w.reduce((sum, a) => sum + a.length, 0);
    this.embed_source = w[0];
    this.ways = [w.slice(1, 4), w.slice(4, 7)];
    this.embed_target = w[7];
    this.decoder = w.slice(8, 11);
    [this.W_mixed, this.b_mixed, this.W_head, this.b_head] = w.slice(11);
  }

  knows(symbol) {
    return this.number_in.has(symbol);
  }

  // The encoder's hidden states, and the state handed over.
  encode(source) {
    const x = source.map((symbol) => {
      const n = this.number_in.get(symbol) ?? UNKNOWN;
      return embedding(n, this.embed_source, this.embed_source.shape[1]);
    });
    const run = (rows, weights) => {
      let h = new Float32Array(weights[1].shape[0]);
      return rows.map((row) => ({ h } = gru_cell(row, h, ...weights)).h);
    };
    const forward = run(x, this.ways[0]);
    const backward = run(x.toReversed(), this.ways[1]).toReversed();
    const both = (a, b) => Float32Array.of(...a, ...b);
    return { h_in: forward.map((h, t) => both(h, backward[t])), state: both(forward.at(-1), backward[0]) };
  }

  // One step of the decoder: chances of the next symbol, and where it looked.
  step(last, state, h_in) {
    const x = embedding(last, this.embed_target, this.embed_target.shape[1]);
    const { h } = gru_cell(x, state, ...this.decoder);
    const { context, weights } = attention(h, h_in, h_in);
    const seen = Float32Array.of(...context, ...h);
    const mixed = dense(seen, this.W_mixed, this.b_mixed).map(Math.tanh);
    return { state: h, weights, chances: softmax(dense(mixed, this.W_head, this.b_head)) };
  }

  // The best answers found by beam search, the best first, each with its chance
  // and, for each symbol, that symbol's chance and the weights on the source.
  translate(source) {
    const { h_in, state } = this.encode(source);
    let kept = [{ chance: 1, written: [], state, steps: [] }];
    for (let t = 0; t < LENGTH; t++)
      kept = kept
        .flatMap(({ chance, written, state, steps }) => {
          const next = this.step(written.at(-1) ?? START, state, h_in);
          return Array.from(next.chances, (p, n) => ({
            chance: chance * p,
            written: [...written, n],
            state: next.state,
            steps: [...steps, { chance: p, weights: next.weights }],
          }));
        })
        .sort((a, b) => b.chance - a.chance)
        .slice(0, WIDTH);
    return kept.map(({ chance, written, steps }) => {
      const symbols = written.map((n) => this.symbols_out[n]);
      const end = symbols.indexOf(">");
      return { chance, steps, symbols: end < 0 ? symbols : symbols.slice(0, end) };
    });
  }
}

// ---- the page's check, which needs no network

// The digits of a script stand together, from 0 to 9.
function digit(one) {
  const code = one.codePointAt(0);
  let before = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(code - before - 1))) before++;
  return before % 10;
}

const numbers = (text) =>
  (text.match(/\p{Nd}+/gu) ?? []).map((found) => [...found].reduce((sum, one) => 10 * sum + digit(one), 0));

function day(answer) {
  const found = /^(\d{4})(-?)(\d\d)\2(\d\d)$/.exec(answer);
  if (!found) return null;
  const [y, m, d] = [found[1], found[3], found[4]].map(Number);
  const last = new Date(Date.UTC(2000 + (y % 400), m, 0)).getUTCDate();
  return y >= 1 && m >= 1 && m <= 12 && d >= 1 && d <= last ? [y, m, d] : null;
}

// Why the page's fits() does not accept an answer; nothing if it does.
function mistake(text, answer) {
  const found = day(answer);
  if (!found) return "no day of the calendar";
  const [y, m, d] = found;
  const sorted = (parts) => parts.toSorted((a, b) => a - b).join();
  const is = sorted(numbers(text));
  const may = [y, y % 100].flatMap((year) => [sorted([year, d]), sorted([year, m, d])]);
  return may.includes(is) ? "" : "not the text’s numbers";
}

// ---- the picture: the text above, an answer below, lines between
const WIDE = 376;
const SOURCE = 16; // where the text's cells begin
const TARGET = 158; // where the answer's circles have their middle
const SIGN = 2.5; // a sign for the language is as wide as so many characters
const word = (x, y, text, fill = "ink", more = "") =>
  `<text class="code" x="${x}" y="${y}" fill="var(--${fill})" ${more}>${text}</text>`;
const centred = 'text-anchor="middle"';
const bold = 'font-weight="600"';
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\u200f\u202e]/u;
// Quoted, and kept from turning the sentence around.
const quoted = (one) => (one === " " ? "a space" : `“\u2068${one}\u2069”`);

class DateReader extends Explorer {
  word = "date";

  async load(progress) {
    this.translator = new Translator(await load(this.model, progress));
    this.what = `GRU, attention, ${this.translator.size.toLocaleString("en")} weights`;
  }

  build(body) {
    this.field = el("input", {
      type: "text", autocomplete: "off", spellcheck: "false", dir: "auto",
      oninput: () => this.become({ text: this.field.value }),
    });
    const pick = (legend, options, key) =>
      choice(legend, options, (value) => this.become({ [key]: value }));
    this.choices = {
      language: pick("Language", [["", "not told"], ...LOCALES.map((name) => [name, name.slice(0, 2)])], "language"),
      rank: pick("Answer", [[0, "first"], [1, "second"], [2, "third"]], "rank"),
      text: pick("Text", TEXTS.map((text) => [text, text]), "text"),
    };
    this.time = this.timeline("Symbol", 700, () => {
      this.draw();
      this.changed();
    });
    this.map = el("svg:svg", { viewBox: `0 0 ${WIDE} 218`, "aria-hidden": true });
    this.map.addEventListener("click", ({ target }) => {
      const symbol = target.closest("[data-t]");
      if (symbol) this.time.go(Number(symbol.dataset.t));
    });
    this.list = el("svg:svg", { viewBox: "0 0 300 192", "aria-hidden": true });
    this.list.addEventListener("click", ({ target }) => {
      const answer = target.closest("[data-rank]");
      if (answer) this.become({ rank: Number(answer.dataset.rank) });
    });
    body.append(
      el("label.live-field", {}, el("span", {}, "Date"), this.field),
      el("div.live-two", {}, this.map, this.list),
      this.time.node,
      this.say,
      el("div.live-wraps", {}, ...Object.values(this.choices)),
    );
  }

  start() {
    this.cut = false;
    this.set({ text: TEXTS[0], language: "", rank: 0 }, 6);
  }

  become(change) {
    const all = [...(change.text ?? this.state.text)];
    if ("text" in change) this.cut = all.length > LONGEST;
    const text = all.slice(0, LONGEST).join("");
    // Of a new text the likeliest answer is shown first.
    const rank = "rank" in change ? change.rank : 0;
    this.set({ ...this.state, ...change, rank, text }, this.time.at);
    this.changed();
  }

  set(state, at) {
    this.time.stop();
    this.state = state;
    const { text, language } = state;
    const sign = language ? [this.translator.symbols_in[UNKNOWN + 1 + LOCALES.indexOf(language)]] : [];
    this.source = [...sign, ...text];
    this.answers = text ? this.translator.translate(this.source) : [];
    this.time.count = Math.max(1, this.answer?.symbols.length ?? 1);
    this.time.at = Math.min(at, this.time.count - 1);
    if (this.field.value !== text) this.field.value = text;
    this.draw();
  }

  get answer() {
    return this.answers[this.state.rank];
  }

  // 7~1~none~5%2F3%2F15, with what is no letter encoded
  write() {
    const { text, language, rank } = this.state;
    return `${this.time.at + 1}~${rank + 1}~${language || "none"}~${encodeURIComponent(text)}`;
  }

  read(state) {
    const found = RegExp(`^([1-9]|1[01])~([123])~(none|${LOCALES.join("|")})~(.*)$`, "su").exec(state);
    if (!found || [...found[4]].length > LONGEST) return false;
    const [, at, rank, language, text] = found;
    this.cut = false;
    this.set({ text, language: language === "none" ? "" : language, rank: rank - 1 }, at - 1);
    return this.time.at === at - 1;
  }

  draw() {
    this.map.innerHTML = this.answer ? this.picture() : word(4, SOURCE + 18, "nothing read", "ink-2");
    this.list.innerHTML = this.answers.map((answer, rank) => this.row(answer, rank)).join("");
    for (const [key, node] of Object.entries(this.choices)) node.value = this.state[key];
    const sentence = this.sentence();
    this.time.tell(sentence);
    this.tell(sentence);
  }

  // The middle and the width of each cell of the source.
  places() {
    const wide = this.source.map((_, k) => (k === 0 && this.state.language ? SIGN : 1));
    const sum = wide.reduce((a, b) => a + b);
    const unit = Math.min(26, (WIDE - 4) / sum);
    let x = (WIDE - unit * sum) / 2;
    return wide.map((units) => ({ x: (x += units * unit) - (units * unit) / 2, wide: units * unit }));
  }

  picture() {
    const { symbols, steps } = this.answer;
    const { at } = this.time;
    const places = this.places();
    const pitch = WIDE / Math.max(10, symbols.length);
    const middle = (t) => WIDE / 2 + pitch * (t - (symbols.length - 1) / 2);
    const lines = (t) =>
      Array.from(steps[t].weights, (weight, k) => {
        if (weight < 0.02) return "";
        const now = t === at;
        const stroke = now ? 'stroke="var(--ink)"' : 'stroke="var(--ink-3)" opacity="0.35"';
        const width = (now ? 9 : 4) * weight;
        return `<path d="M${places[k].x} ${SOURCE + 28}L${middle(t)} ${TARGET - 15}" ${stroke} stroke-width="${width}"/>`;
      }).join("");
    const others = symbols.map((_, t) => (t === at ? "" : lines(t))).join("");
    const most = symbols.length ? this.most(at) : null;
    return (
      others + (most ? lines(at) : "") +
      places.map((place, k) => this.cell(place, k, most)).join("") +
      symbols.map((symbol, t) => this.circle(middle(t), symbol, t)).join("")
    );
  }

  // The character that symbol t looks at most, and with which weight.
  most(t) {
    const { weights } = this.answer.steps[t];
    const weight = Math.max(...weights);
    return { k: weights.indexOf(weight), weight };
  }

  cell({ x, wide }, k, most) {
    const one = this.source[k];
    const sign = k === 0 && this.state.language;
    const top = k === most?.k;
    const dashes = this.translator.knows(one) ? "" : 'stroke-dasharray="3 3"';
    return (
      `<rect x="${x - wide / 2 + 0.75}" y="${SOURCE}" width="${wide - 1.5}" height="26" rx="2" ` +
      `stroke="var(--q-input)" stroke-width="1.5" fill="var(--${top ? "q-input" : "paper"})" ${dashes}/>` +
      word(x, SOURCE + 18, sign ? sign.slice(0, 2) : safe(one), top ? "paper" : "ink", centred) +
      (top ? word(Math.max(16, Math.min(WIDE - 16, x)), 11, number(most.weight), "ink", `${centred} ${bold}`) : "")
    );
  }

  circle(x, symbol, t) {
    const now = t === this.time.at;
    const { chance } = this.answer.steps[t];
    const high = 20 * chance;
    return (
      `<g data-t="${t}"><rect class="live-hit" x="${x - 16}" y="${TARGET - 16}" width="32" height="76"/>` +
      `<circle cx="${x}" cy="${TARGET}" r="13" stroke="var(--q-output)" stroke-width="2" fill="var(--${now ? "q-output" : "paper"})"/>` +
      word(x, TARGET + 5, safe(symbol), now ? "paper" : "ink", centred) +
      `<rect x="${x - 9}" y="${TARGET + 38 - high}" width="18" height="${high}" fill="var(--q-output)" ${now ? "" : 'opacity="0.6"'}/>` +
      (now || chance < 0.995 ? word(x, TARGET + 53, number(chance), "ink", `${centred} ${now ? bold : ""}`) : "") +
      "</g>"
    );
  }

  row({ symbols, chance }, rank) {
    const y = 66 * rank;
    const weight = rank === this.state.rank ? bold : "";
    const answer = symbols.join("");
    const wrong = mistake(this.state.text, answer);
    return (
      `<g data-rank="${rank}"><rect class="live-hit" x="0" y="${y}" width="300" height="60"/>` +
      word(4, y + 16, answer.replace("<", "&lt;") || "nothing", "ink", weight) +
      word(296, y + 16, number(chance), "ink", `text-anchor="end" ${weight}`) +
      `<rect x="4" y="${y + 22}" width="${Math.max(1, 292 * chance)}" height="14" fill="var(--q-output)" ${weight ? "" : 'opacity="0.6"'}/>` +
      word(4, y + 52, wrong, "q-error", 'text-decoration="underline" text-decoration-style="dashed"') +
      "</g>"
    );
  }

  sentence() {
    const { text, language } = this.state;
    if (!text) return "Nothing to read yet.";
    const { symbols, chance, steps } = this.answer;
    const answer = symbols.join("");
    const wrong = mistake(text, answer);
    const sure = chance > 0.9 ? "sure, and " : "";
    let says = `${answer || "Nothing written"}, chance ${number(chance)}${wrong ? `: ${sure}${wrong}` : ""}.`;
    if (symbols.length) {
      const { at } = this.time;
      const { k, weight } = this.most(at);
      const place = k - (language ? 1 : 0);
      const where = place < 0 ? "the sign for the language" : `${quoted(this.source[k])}, character ${place + 1}`;
      says += ` Symbol ${at + 1}, ${symbols[at]}, chance ${number(steps[at].chance)}, looks most at ${where}: ${number(weight)}.`;
    }
    const strange = [...new Set([...text].filter((one) => !this.translator.knows(one)))].slice(0, 5);
    if (this.cut) says = cutTo(LONGEST) + says;
    if (strange.length) says += ` It has never seen ${strange.map(quoted).join(" ")}: read as unknown.`;
    if (RIGHT_TO_LEFT.test(text)) says += " It reads left to right; yours was turned.";
    return says;
  }

  python() {
    const { text, language, rank } = this.state;
    if (!text) return 'print("Nothing to read yet.")\n';
    const sign = language ? `chr(0xE000 + ${LOCALES.indexOf(language)}) + ` : "";
    return `${fetching(this.model)}
symbols_in, symbols_out = json.loads(str(file["symbols"]))
w = [file[f"arr_{n}"].astype("float32") for n in range(15)]
text = ${sign}${JSON.stringify(text)}
answer, symbol = ${rank}, ${this.time.at}  # of which the weights are printed


def gru(x, h, W, U, b):
    x_z, x_r, x_h = np.split(x @ W + b[0], 3)
    h_z, h_r, h_h = np.split(h @ U + b[1], 3)
    z = 1 / (1 + np.exp(-x_z - h_z))
    r = 1 / (1 + np.exp(-x_r - h_r))
    return z * h + (1 - z) * np.tanh(x_h + r * h_h)


def softmax(a):
    powers = np.exp(a - a.max())
    return powers / powers.sum()


def encode(rows, weights):
    h = [np.zeros(32)]
    for x in rows:
        h.append(gru(x, h[-1], *weights))
    return h[1:]


# Symbol 3 stands for a character that was never seen.
x = [w[0][symbols_in.index(c) if c in symbols_in else 3] for c in text]
forward, backward = encode(x, w[1:4]), encode(x[::-1], w[4:7])
h_in = np.hstack([forward, backward[::-1]])
state = np.hstack([forward[-1], backward[-1]])

kept = [(1, [], [], state)]  # chance, symbols, weights, state
for _ in range(11):
    longer = []
    for chance, written, looks, h in kept:
        last = written[-1] if written else symbols_out.index("<")
        h = gru(w[7][last], h, *w[8:11])
        weights = softmax(h_in @ h)
        seen = np.hstack([weights @ h_in, h])
        logits = np.tanh(seen @ w[11] + w[12]) @ w[13] + w[14]
        for n, p in enumerate(softmax(logits)):
            look = [*looks, (p, weights)]
            longer.append((chance * p, [*written, n], look, h))
    kept = sorted(longer, key=lambda one: -one[0])[:3]

for chance, written, *_ in kept:
    print("".join(symbols_out[n] for n in written).split(">")[0], end=" ")
    print(f"{chance:.2f}")
_, written, looks, _ = kept[answer]
p, weights = looks[symbol]
print(f"symbol {symbol + 1}: {symbols_out[written[symbol]]} {p:.2f}")
for c, weight in zip(text, weights):
    print(f"{c!r:10}{weight:.2f}")
`;
  }
}

customElements.define("date-reader", DateReader);

export { LOCALES, TEXTS, mistake, numbers };
