// The classifier of the page Classifying reads a surname letter by letter, and
// says after each which of ten languages it takes it for.
import { dense, embedding, lstm_step, softmax } from "./cells.js";
import { Explorer, choice, el, number } from "./frame.js";
import { load } from "./npz.js";
import { cutTo, fetching, safe } from "./texts.js";

const UNKNOWN = 1; // 0 is padding, and the letters follow
const LONGEST = 40;
const ENDINGS = ["ez", "elli", "sson", "owicz"];

// Before this sign every combining one is put, if text is brought to its normal
// order: so it tells which are.
const LAST = "\u0345";
const combining = (one) => one === LAST || (LAST + one).normalize("NFD")[0] !== LAST;

// Small letters without accents, as the page's plain() makes them.
function plain(text) {
  const rare = { ß: "ss", ſ: "s", ς: "σ", ł: "l", đ: "d", ø: "o", ð: "d", æ: "ae", œ: "oe" };
  const written = text.toLowerCase().replace(/[ßſςłđøðæœ]/g, (one) => rare[one]);
  return [...written.normalize("NFKD")].filter((one) => !combining(one)).join("");
}

class Reader {
  constructor({ letters, languages, ...w }) {
    this.letters = new Map(JSON.parse(letters).map((letter, k) => [letter, k + 2]));
    this.languages = JSON.parse(languages);
    [this.E, this.W, this.U, this.b, this.W_y, this.b_y] = Array.from({ length: 6 }, (_, k) => w[`w${k}`]);
  }

  // After each letter the chance of each language.
  read(name) {
    const units = this.U.shape[0];
    let state = { h: new Float32Array(units), c: new Float32Array(units) };
    return [...name].map((letter) => {
      const x = embedding(this.letters.get(letter) ?? UNKNOWN, this.E, this.E.shape[1]);
      state = lstm_step(x, state.h, state.c, this.W, this.U, this.b);
      return softmax(dense(state.h, this.W_y, this.b_y));
    });
  }

  // Why the page's classify() says no to a name; nothing if it does not.
  refusal(name) {
    const all = [...name];
    const known = all.filter((letter) => this.letters.has(letter)).length;
    if (!all.some((letter) => /\p{L}/u.test(letter))) return "no letters";
    if (known / all.length < 0.5) return `${known} of ${all.length} letters known`;
  }
}

// ---- the picture
const COLUMNS = 12; // of letters, at once
const WIDE = 31;
const TALL = 96; // a bar of 1
const FOOT = 124;
const word = (x, y, text, fill, more = "") =>
  `<text class="code" x="${x}" y="${y}" fill="var(--${fill})" ${more}>${text}</text>`;
const seen = (one) => (one === " " ? "␣" : safe(one));

class SurnameLanguage extends Explorer {
  word = "name";

  async load(progress) {
    this.reader = new Reader(await load(this.model, progress));
    const { W, U, b, E, W_y, b_y } = this.reader;
    const weights = [W, U, b, E, W_y, b_y].reduce((sum, a) => sum + a.length, 0);
    this.what = `LSTM(${U.shape[0]}), ${weights.toLocaleString("en")} weights`;
  }

  build(body) {
    this.field = el("input", {
      type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      oninput: () => this.typed(this.field.value),
    });
    this.ending = choice("Ending", [["", "none"], ...ENDINGS.map((e) => [e, e])], (ending) => {
      this.enter(this.stem + ending, ending);
      this.changed();
    });
    this.time = this.timeline("Letter", 500, () => {
      this.draw();
      this.changed();
    });
    this.steps = el("svg:svg", { viewBox: `0 0 ${WIDE * COLUMNS} 164`, "aria-hidden": true });
    this.steps.addEventListener("click", ({ target }) => {
      const column = target.closest("[data-t]");
      if (column) this.time.go(Number(column.dataset.t));
    });
    this.bars = el("svg:svg", { viewBox: "0 0 300 224", "aria-hidden": true });
    body.append(
      el("label.live-field", {}, el("span", {}, "Surname"), this.field),
      el("div.live-two", {}, this.steps, this.bars),
      this.time.node,
      this.say,
      this.ending,
    );
  }

  start() {
    this.typed("martin", false);
  }

  typed(text, told = true) {
    this.enter(text, "");
    if (told) this.changed();
  }

  // Of a text the stem, whose ending may be exchanged, and what was read of it.
  enter(text, ending, at) {
    const all = [...text.trim()];
    this.cut = all.length > LONGEST;
    this.text = all.slice(0, LONGEST).join("");
    this.stem = ending ? this.text.slice(0, this.text.length - ending.length) : this.text;
    this.ended = ending;
    this.name = plain(this.text);
    this.letters = [...this.name];
    this.refused = this.reader.refusal(this.name);
    this.chances = this.reader.read(this.name);
    this.time.stop();
    this.time.count = Math.max(1, this.letters.length);
    this.time.at = (at ?? this.time.count) - 1;
    if (this.field.value.trim() !== text.trim() || this.cut) this.field.value = this.text;
    this.draw();
  }

  // 8~martinez, with what is no letter encoded
  write() {
    return `${this.time.at + 1}~${encodeURIComponent(this.text)}`;
  }

  read(state) {
    const found = /^([1-9]\d?)~(.*)$/su.exec(state);
    if (!found) return false;
    const [, at, text] = found;
    if ([...text].length > LONGEST || at > Math.max(1, [...plain(text)].length)) return false;
    this.enter(text, ENDINGS.find((ending) => text.endsWith(ending)) ?? "", Number(at));
    return true;
  }

  // The likeliest language after letter t, and its chance.
  best(t) {
    const p = this.chances[t];
    const k = p.indexOf(Math.max(...p));
    return { k, language: this.reader.languages[k], chance: p[k] };
  }

  draw() {
    const { at } = this.time;
    const first = Math.max(0, Math.min(at - 5, this.letters.length - COLUMNS));
    const shown = this.letters.slice(first, first + COLUMNS).map((_, k) => this.column(first + k, k));
    this.steps.innerHTML = this.refused ? word(4, FOOT, "nothing read", "ink-2") : shown.join("");
    this.bars.innerHTML = this.reader.languages.map((language, k) => this.bar(language, k)).join("");
    this.ending.value = this.ended;
    const sentence = this.sentence();
    this.time.tell(sentence);
    this.tell(sentence);
  }

  column(t, k) {
    const x = WIDE * k;
    const mid = x + WIDE / 2;
    const { language, chance } = this.best(t);
    const high = TALL * chance;
    const anew = t === 0 || this.best(t - 1).language !== language;
    const letter = this.letters[t];
    const known = this.reader.letters.has(letter);
    const now = t === this.time.at;
    return (
      `<g data-t="${t}"><rect class="live-hit" x="${x}" y="0" width="${WIDE}" height="164"/>` +
      `<rect x="${mid - 9}" y="${FOOT - high}" width="18" height="${high}" fill="var(--q-output)" ${now ? "" : 'opacity="0.6"'}/>` +
      word(mid, FOOT - high - 6, language.slice(0, 3), "ink", `text-anchor="middle" ${anew ? 'font-weight="600"' : ""}`) +
      `<rect x="${mid - 13}" y="${FOOT + 6}" width="26" height="28" rx="3" stroke="var(--q-input)" stroke-width="2" ` +
      `fill="var(--${now ? "q-input" : "paper"})" ${known ? "" : 'stroke-dasharray="3 3"'}/>` +
      word(mid, FOOT + 26, seen(letter), now ? "paper" : "ink", 'text-anchor="middle" font-size="16"') +
      "</g>"
    );
  }

  bar(language, k) {
    const y = 22 * k;
    const p = this.refused ? 0 : this.chances[this.time.at][k];
    const top = !this.refused && k === this.best(this.time.at).k;
    const bold = top ? 'font-weight="600"' : "";
    return (
      word(0, y + 16, language, "ink", bold) +
      `<rect x="86" y="${y + 4}" width="${Math.max(1, 164 * p)}" height="15" fill="var(--q-output)"/>` +
      word(298, y + 16, this.refused ? "—" : number(p), "ink", `text-anchor="end" ${bold}`)
    );
  }

  sentence() {
    const cut = this.cut ? cutTo(LONGEST) : "";
    if (this.refused) return `${cut}Refused: ${this.refused}.`;
    const { at } = this.time;
    const read = (t) => `“${this.letters.slice(0, t + 1).join("")}”`;
    const { language, chance } = this.best(at);
    let says = `${read(at)}: ${language} ${number(chance)}`;
    if (at > 0) {
      const before = this.best(at - 1);
      says +=
        before.language === language
          ? `, after ${number(this.chances[at - 1][before.k])} one letter before.`
          : `. Before the last letter it said ${before.language} ${number(before.chance)}.`;
    } else says += ".";
    const strange = [...new Set(this.letters.filter((letter) => !this.reader.letters.has(letter)))].slice(0, 5);
    if (strange.length) says += ` It has never seen ${strange.join(" ")}: read as unknown.`;
    return cut + says;
  }

  python() {
    return `${fetching(this.model)}
letters = json.loads(str(file["letters"]))
languages = json.loads(str(file["languages"]))
E, W, U, b, W_y, b_y = (file[f"w{i}"].astype("float32") for i in range(6))
name = ${JSON.stringify(this.name)}  # small letters, without accents


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


h = c = np.zeros(len(U))
for letter in name:
    # Number 0 is padding, 1 a letter that was never seen.
    x = E[letters.index(letter) + 2 if letter in letters else 1]
    i, f, c_tilde, o = np.split(x @ W + h @ U + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(c_tilde)
    h = sigmoid(o) * np.tanh(c)
    logits = h @ W_y + b_y
    p = np.exp(logits - logits.max())
    p /= p.sum()
    best = p.argmax()
    print(letter, f"{languages[best]:9}{p[best]:5.2f}")
`;
  }
}

customElements.define("surname-language", SurnameLanguage);

export { plain };
