// The labeller of the page Labelling reads a Chinese sentence, and tells of each
// character how sure it is, and which neighbour made it so.
import { dense, embedding, rnn_step, softmax } from "./cells.js";
import { Explorer, choice, el, number } from "./frame.js";
import { load } from "./npz.js";
import { cutTo, fetching, safe } from "./texts.js";

const UNKNOWN = 1; // 0 is padding, and the characters follow
const NEVER = -30; // the log of how often, of a reading that does not occur
const LONGEST = 40;
const TEXTS = ["他跑得很快", "我去银行", "我只有一只猫", "约一百人参加", "我长大了"];

const isHan = (one) => one >= "\u4e00" && one <= "\u9fff";

// Sorted as Python sorts what is in the files: none is beyond 16 bits.
class Labeller {
  constructor({ counts, ...file }) {
    this.counts = new Map(Object.entries(JSON.parse(counts)).map(([one, found]) => [one, Object.entries(found)]));
    this.ids = new Map([...this.counts.keys()].sort().map((one, k) => [one, k + 2]));
    const several = [...this.counts.values()].filter((found) => found.length > 1);
    this.names = [...new Set(several.flat().map(([reading]) => reading))].sort();
    const w = Array.from({ length: 9 }, (_, k) => file[`arr_${k}`]);
    this.size = w.reduce((sum, a) => sum + a.length, 0);
    [this.E, this.forward, this.backward] = [w[0], w.slice(1, 4), w.slice(4, 7)];
    [this.W_y, this.b_y] = w.slice(7);
  }

  encode = (text) => text.map((one) => this.ids.get(one) ?? UNKNOWN);

  // The state of a direction after each character.
  run(ids, weights, h = new Float32Array(weights[1].shape[0])) {
    return ids.map((id) => (h = rnn_step(embedding(id, this.E, this.E.shape[1]), h, ...weights)));
  }

  // The chances of the readings of a character, by the states at its step.
  chances(forward, backward, one) {
    const logits = dense(Float32Array.of(...forward, ...backward), this.W_y, this.b_y);
    const often = new Map(this.counts.get(one));
    const p = softmax(logits.map((a, k) => a + (often.has(this.names[k]) ? Math.log(often.get(this.names[k])) : NEVER)));
    return new Map(this.names.map((name, k) => [name, p[k]]));
  }

  // Of each character its number, and the states of both directions there.
  states(text) {
    const ids = this.encode(text);
    const forward = this.run(ids, this.forward);
    const backward = this.run(ids.toReversed(), this.backward).reverse();
    return { ids, forward, backward };
  }

  // Of each character its readings, the likeliest first, each with its chance
  // and its share in training. Only where there are several does the network
  // decide; what is no Chinese character stays, and of an unknown one nothing
  // is known.
  read(text, { forward, backward } = this.states(text)) {
    return text.map((one, step) => {
      if (!isHan(one)) return [{ reading: one, chance: 1 }];
      const found = this.counts.get(one);
      if (!found) return [{ reading: "?", chance: 0 }];
      if (found.length === 1) return [{ reading: found[0][0], chance: 1 }];
      const chances = this.chances(forward[step], backward[step], one);
      const sum = found.reduce((s, [, often]) => s + often, 0);
      return found
        .map(([reading, often]) => ({ reading, chance: chances.get(reading), share: often / sum }))
        .sort((a, b) => b.chance - a.chance);
    });
  }

  // What becomes of the chances at a step if a neighbour is covered, of each:
  // the states before it, in its direction, stay what they are.
  covered(text, step, { ids, forward, backward } = this.states(text)) {
    return ids.map((_, k) => {
      if (k === step) return null;
      const hidden = ids.with(k, UNKNOWN);
      if (k < step) {
        const part = hidden.slice(k, step + 1);
        return this.chances(this.run(part, this.forward, forward[k - 1]).at(-1), backward[step], text[step]);
      }
      const part = hidden.slice(step, k + 1).reverse();
      return this.chances(forward[step], this.run(part, this.backward, backward[k + 1]).at(-1), text[step]);
    });
  }
}

// ---- the picture: columns of characters, and the readings of one
const COLUMNS = 8;
const WIDE = 47;
const TALL = 40; // a bar of 1
const BOX = 70;
const AXIS = 152; // of the changes
const word = (x, y, text, fill = "ink", more = "") =>
  `<text x="${x}" y="${y}" fill="var(--${fill})" ${more}>${text}</text>`;
const centred = 'text-anchor="middle"';
const bold = 'font-weight="600"';
// Quoted, and kept from turning the sentence around.
const quoted = (one) => `“\u2068${one}\u2069”`;
const signed = (value) => (value >= 0.005 ? "+" : "") + number(value);

class CharacterReadings extends Explorer {
  word = "read";

  async load(progress) {
    this.labeller = new Labeller(await load(this.model, progress));
    this.what = `Bidirectional SimpleRNN, ${this.labeller.size.toLocaleString("en")} weights`;
  }

  build(body) {
    this.field = el("input", {
      type: "text", lang: "zh", autocomplete: "off", spellcheck: "false",
      oninput: () => this.typed(this.field.value),
    });
    this.texts = choice("Text", TEXTS.map((text) => [text, text]), (text) => this.typed(text));
    this.time = this.timeline("Character", 900, () => {
      this.draw();
      this.changed();
    });
    this.row = el("svg:svg", { viewBox: `0 0 ${WIDE * COLUMNS} 236`, "aria-hidden": true, lang: "zh" });
    this.row.addEventListener("click", ({ target }) => {
      const column = target.closest("[data-t]");
      if (column) this.time.go(Number(column.dataset.t));
    });
    this.list = el("svg:svg", { viewBox: "0 0 300 184", "aria-hidden": true });
    body.append(
      el("label.live-field", {}, el("span", {}, "Sentence"), this.field),
      el("div.live-two", {}, this.row, this.list),
      this.time.node,
      this.say,
      el("div.live-wraps", {}, this.texts),
    );
  }

  start() {
    this.enter(TEXTS[0]);
  }

  typed(text) {
    this.enter(text);
    this.changed();
  }

  // Shown first is the character that it is least sure of.
  enter(text, at) {
    const all = [...text];
    this.cut = all.length > LONGEST;
    this.text = all.slice(0, LONGEST);
    this.states = this.labeller.states(this.text);
    this.found = this.labeller.read(this.text, this.states);
    const least = this.found.reduce((a, [{ chance, share }], k) => (share && chance < a.chance ? { chance, k } : a), { chance: 1, k: 0 });
    this.time.stop();
    this.time.count = Math.max(1, this.text.length);
    this.time.at = at ?? least.k;
    if (this.field.value !== this.text.join("")) this.field.value = this.text.join("");
    this.draw();
  }

  // 3~他跑得很快, encoded
  write() {
    return `${this.time.at + 1}~${encodeURIComponent(this.text.join(""))}`;
  }

  read(state) {
    const found = /^([1-9]\d?)~(.*)$/su.exec(state);
    if (!found) return false;
    const [, at, text] = found;
    const length = [...text].length;
    if (length > LONGEST || at > Math.max(1, length)) return false;
    this.enter(text, at - 1);
    return true;
  }

  // Of the character shown, by how much each neighbour changes the chance of
  // its reading, if it is covered; nothing where nothing is decided.
  changes() {
    const { at } = this.time;
    if (!this.found[at]?.[0].share) return [];
    const { reading, chance } = this.found[at][0];
    return this.labeller.covered(this.text, at, this.states).map((chances) => {
      if (!chances) return null;
      const [[other]] = this.found[at].map((one) => [one.reading, chances.get(one.reading)]).sort((a, b) => b[1] - a[1]);
      return { change: chances.get(reading) - chance, other };
    });
  }

  draw() {
    const { at } = this.time;
    const changes = this.changes();
    const falls = changes.map((one) => (one ? -one.change : 0));
    const most = falls.indexOf(Math.max(...falls));
    const first = Math.max(0, Math.min(at - 3, this.text.length - COLUMNS));
    const shown = this.text.slice(first, first + COLUMNS);
    this.row.innerHTML = shown.length
      ? shown.map((_, k) => this.column(first + k, k, changes, most)).join("") + this.legend(changes)
      : word(4, BOX + 22, "nothing read", "ink-2");
    this.list.innerHTML = this.text.length ? this.candidates() : "";
    this.texts.value = this.text.join("");
    const sentence = this.sentence(changes, most);
    this.time.tell(sentence);
    this.tell(sentence);
  }

  column(t, k, changes, most) {
    const mid = WIDE * (k + 0.5);
    const [{ reading, chance, share }] = this.found[t];
    const now = t === this.time.at;
    const one = this.text[t];
    const high = share ? TALL * chance : 0;
    const known = !isHan(one) || chance;
    const bar = `<rect x="${mid - 9}" y="${BOX - 6 - high}" width="18" height="${high}" fill="var(--q-output)" ${now ? "" : 'opacity="0.6"'}/>`;
    return (
      `<g data-t="${t}"><rect class="live-hit" x="${mid - WIDE / 2}" y="0" width="${WIDE}" height="212"/>` +
      word(mid, share ? BOX - 12 - high : BOX - 12, safe(reading), share ? "ink" : "ink-2", `${centred} ${now ? bold : ""}`) +
      bar +
      `<rect x="${mid - 17}" y="${BOX}" width="34" height="34" rx="3" stroke="var(--q-input)" stroke-width="${share ? 2 : 1}" ` +
      `fill="var(--${now ? "q-input" : "paper"})" ${known ? "" : 'stroke-dasharray="3 3"'}/>` +
      word(mid, BOX + 24, safe(one), now ? "paper" : "ink", `class="live-large" ${centred}`) +
      this.change(mid, changes[t], t === most) +
      "</g>"
    );
  }

  // A fall hangs from the line, filled; a rise stands on it, hollow.
  change(mid, found, most) {
    if (!found) return "";
    const { change } = found;
    const high = TALL * Math.abs(change);
    return (
      `<rect x="${mid - 9}" y="${change < 0 ? AXIS : AXIS - high}" width="18" height="${high}" ` +
      `fill="var(--${change < 0 ? "q-output" : "paper"})" stroke="var(--q-output)"/>` +
      word(mid, AXIS + 54, signed(change), most ? "ink" : "ink-2", `class="code" ${centred} ${most ? bold : ""}`)
    );
  }

  legend(changes) {
    if (!changes.some((one) => one)) return "";
    const wide = WIDE * Math.min(COLUMNS, this.text.length);
    const { reading } = this.found[this.time.at][0];
    return (
      `<path d="M0 ${AXIS}H${wide}" stroke="var(--ink-3)"/>` +
      word(0, 228, `change of the chance of ${reading}, if one is covered`, "ink-2")
    );
  }

  candidates() {
    const found = this.found[this.time.at];
    const [{ reading, share }] = found;
    if (!share) return word(0, 18, safe(reading), "ink", bold) + word(0, 42, "no choice", "ink-2");
    const rows = found.slice(0, 4).map((one, k) => {
      const y = 40 * k;
      const x = 300 * one.share;
      const weight = k ? "" : bold;
      return (
        word(0, y + 14, one.reading, "ink", weight) +
        word(300, y + 14, number(one.chance), "ink", `class="code" text-anchor="end" ${weight}`) +
        `<rect x="0" y="${y + 20}" width="${Math.max(1, 300 * one.chance)}" height="12" fill="var(--q-output)"/>` +
        `<path d="M${x} ${y + 17}v18" stroke="var(--ink)" stroke-width="3"/>`
      );
    });
    return rows.join("") + word(0, 178, "line across: share in the training sentences", "ink-2");
  }

  sentence(changes, most) {
    if (!this.text.length) return "Nothing to read yet.";
    const cut = this.cut ? cutTo(LONGEST) : "";
    return cut + this.told(changes, most);
  }

  told(changes, most) {
    const { at } = this.time;
    const one = this.text[at];
    const [{ reading, chance, share }] = this.found[at];
    const which = `${quoted(one)}, character ${at + 1},`;
    if (!isHan(one)) return `${which} is no Chinese character and stays as it is.`;
    if (!chance) return `${which} is in no training sentence: no reading is guessed.`;
    if (!share) return `${which} has one reading, ${reading}: nothing to decide.`;
    const says = `${which} is read ${reading}, chance ${number(chance)}.`;
    if (!changes.some((found) => found)) return `${says} It stands alone: only the counts speak.`;
    const { change, other } = changes[most];
    if (change > -0.05) return `${says} Cover any one neighbour, and it stays above ${number(chance - 0.05)}.`;
    const far = Math.abs(most - at);
    const place = `${far > 1 ? `${far} characters` : "just"} ${most < at ? "before" : "after"} it`;
    const turn = other === reading ? "" : `, and ${other} is likelier`;
    return `${says} Most depends on ${quoted(this.text[most])} ${place}: without that, ${number(chance + change)}${turn}.`;
  }

  python() {
    if (!this.text.length) return 'print("Nothing to read yet.")\n';
    return `${fetching(this.model)}
counts = json.loads(str(file["counts"]))
E, W, U, b, W_2, U_2, b_2, W_y, b_y = (
    file[f"arr_{n}"].astype("float32") for n in range(9)
)
id_of = {c: k for k, c in enumerate(sorted(counts), 2)}
several = {c: found for c, found in counts.items() if len(found) > 1}
names = sorted({reading for found in several.values() for reading in found})
text = ${JSON.stringify(this.text.join(""))}
shown = ${this.time.at}  # the character of which neighbours are covered


def run(rows, W, U, b):
    h = np.zeros(len(U))
    for x in rows:
        h = np.tanh(x @ W + h @ U + b)
    return h


def chances(step, cover=None):
    """{reading: chance} of the character at a step."""
    ids = [id_of.get(c, 1) for c in text]  # 1: never seen
    if cover is not None:
        ids[cover] = 1
    x = E[ids]
    h = [run(x[: step + 1], W, U, b), run(x[step:][::-1], W_2, U_2, b_2)]
    logits = np.hstack(h) @ W_y + b_y
    often = several[text[step]]
    logits += [np.log(often[n]) if n in often else -30 for n in names]
    powers = np.exp(logits - logits.max())
    return dict(zip(names, powers / powers.sum()))


for step, c in enumerate(text):
    if not "\\u4e00" <= c <= "\\u9fff":
        print(c, c)
    elif c in several:
        p = chances(step)
        best = max(several[c], key=p.get)
        print(c, best, f"{p[best]:.2f}")
    else:
        print(c, *counts.get(c, "?"))

if (c := text[shown]) in several:
    p = chances(shown)
    best = max(several[c], key=p.get)
    for k, neighbour in enumerate(text):
        if k != shown:
            change = chances(shown, k)[best] - p[best]
            print(f"without {neighbour}: {change:+.2f}")
`;
  }
}

customElements.define("character-readings", CharacterReadings);

export { TEXTS };
