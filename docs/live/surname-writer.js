// Names that a network writes: the page Generating sequences. All ten languages
// draw with one row of dice; or one language, with ten.
import { dense, embedding, gru_cell, softmax } from "./cells.js";
import { UNIFORM, pick, uniform } from "./dice.js";
import { Explorer, button, el, number, slider } from "./frame.js";
import { load } from "./npz.js";
import { cutTo, fetching, safe } from "./texts.js";

const LONGEST = 40; // letters to begin with
const MORE = 20; // letters at most that are written
const [UNKNOWN, START, STOP] = [1, 2, 3];
const WARM = { min: 0.1, max: 1.5, step: 0.1 };

class Writer {
  constructor({ symbols, languages, ...w }) {
    this.symbols = JSON.parse(symbols);
    this.languages = JSON.parse(languages);
    const weights = Array.from({ length: 7 }, (_, k) => w[`w${k}`]);
    [this.E, this.of, this.W, this.U, this.b, this.W_y, this.b_y] = weights;
    this.units = this.U.shape[0];
    this.size = weights.reduce((sum, a) => sum + a.length, 0);
  }

  numberOf(letter) {
    const k = this.symbols.indexOf(letter);
    return k < 0 ? UNKNOWN : k;
  }

  isKnown(letter) {
    return this.symbols.indexOf(letter) > STOP;
  }

  read(h, symbol, language) {
    const of = embedding(language, this.of, this.units);
    const x = embedding(symbol, this.E, this.units).map((v, u) => v + of[u]);
    return gru_cell(x, h, this.W, this.U, this.b).h;
  }

  // The steps of a name: what the die showed, each symbol's chance from the
  // stop symbol on, for no other stands in a name, and which was drawn.
  name(begin, language, seed, temperature) {
    const random = uniform(seed);
    let h = new Float32Array(this.units);
    for (const symbol of [START, ...begin.map((letter) => this.numberOf(letter))])
      h = this.read(h, symbol, language);
    const steps = [];
    while (steps.length < MORE && steps.at(-1)?.symbol !== STOP) {
      if (steps.length) h = this.read(h, steps.at(-1).symbol, language);
      const chances = softmax(dense(h, this.W_y, this.b_y).subarray(STOP), temperature);
      const die = random();
      steps.push({ die, chances, symbol: STOP + pick(chances, die) });
    }
    return steps;
  }
}

// ---- the picture
const COLUMNS = 22; // letters of a name, at once
const LEFT = 76; // for the languages
const WIDE = 13; // of a letter
const TALL = 22; // of a row
const TOP = 22;
const STRIP = 300;
const seen = (one) => (one === " " ? "␣" : safe(one));
const text = (x, y, what, fill, more = "") =>
  `<text class="code" x="${x}" y="${y}" fill="var(--${fill})" ${more}>${seen(what)}</text>`;

class SurnameWriter extends Explorer {
  word = "names";

  async load(progress) {
    this.writer = new Writer(await load(this.model, progress));
    this.what = `GRU(${this.writer.units}), ${this.writer.size.toLocaleString("en")} weights`;
  }

  build(body) {
    this.field = el("input", {
      type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      oninput: () => this.asked({ begin: this.field.value }),
    });
    const options = ["all", ...this.writer.languages];
    this.select = el(
      "select",
      { onchange: () => this.asked({ language: this.select.value }) },
      ...options.map((one) => el("option", { value: one }, one === "all" ? "all ten" : one)),
    );
    this.time = this.timeline("Letter", 700, () => {
      this.draw();
      this.changed();
    });
    const size = `0 0 ${LEFT + 8 + WIDE * COLUMNS} ${TOP + 10 * TALL}`;
    this.list = el("svg:svg", { viewBox: size, role: "img" });
    this.strips = el("svg:svg", { viewBox: `0 0 ${STRIP} ${TOP + 10 * TALL}`, "aria-hidden": true });
    this.dice = button("Other dice", () => this.asked({ seed: (this.state.seed % 999) + 1 }));
    this.warmth = slider("Temperature", WARM, (temperature) => this.asked({ temperature }));
    body.append(
      el("div.live-fields", {},
        el("label.live-field", {}, el("span", {}, "Begin"), this.field),
        el("label.live-field", {}, el("span", {}, "Language"), this.select)),
      el("div.live-two", {}, this.list, this.strips),
      this.time.node,
      this.say,
      el("div.live-sliders", {}, this.dice, this.warmth),
    );
  }

  start() {
    this.enter({ begin: "ma", language: "all", seed: 8, temperature: 0.5 }, 2);
  }

  // 3~ma~all~8~0.5, with what is no letter encoded
  write() {
    const { begin, language, seed, temperature } = this.state;
    return [this.time.at + 1, encodeURIComponent(begin), language, seed, temperature].join("~");
  }

  read(state) {
    const found = /^([1-9]\d?)~(.*)~(\w+)~([1-9]\d{0,2})~(0\.[1-9]|1(?:\.[1-5])?)$/su.exec(state);
    if (!found) return false;
    const [, at, begin, language, seed, temperature] = found;
    if ([...begin].length > LONGEST) return false;
    if (language !== "all" && !this.writer.languages.includes(language)) return false;
    const asked = { begin, language, seed: Number(seed), temperature: Number(temperature) };
    this.enter(asked, Number(at) - 1);
    return at <= this.time.count;
  }

  asked(change) {
    this.enter({ ...this.state, ...change }, this.time.at);
    this.changed();
  }

  enter(state, at) {
    const all = [...state.begin.trimStart()];
    this.isCut = all.length > LONGEST;
    const begin = all.slice(0, LONGEST).join("");
    this.state = { ...state, begin };
    this.begun = [...begin.toLowerCase()];
    const { writer } = this;
    this.rows = this.#asks().map(([label, language, seed]) => ({
      label,
      steps: writer.name(this.begun, writer.languages.indexOf(language), seed, state.temperature),
    }));
    this.time.stop();
    this.time.count = Math.max(...this.rows.map(({ steps }) => steps.length));
    this.time.at = Math.min(at, this.time.count - 1);
    if (this.field.value.trimStart() !== state.begin.trimStart() || this.isCut)
      this.field.value = begin;
    this.select.value = state.language;
    this.warmth.value = state.temperature;
    this.draw();
  }

  // Of each row what names it, its language and the seed of its dice.
  #asks() {
    const { language, seed } = this.state;
    if (language === "all") return this.writer.languages.map((one) => [one, one, seed]);
    return Array.from({ length: 10 }, (_, k) => [`${language.slice(0, 3)} ${k + 1}`, language, 10 * seed + k]);
  }

  // Letters only, without the stop symbol.
  name({ steps }) {
    const written = steps.filter(({ symbol }) => symbol !== STOP);
    return [...this.begun, ...written.map(({ symbol }) => this.writer.symbols[symbol])].join("");
  }

  draw() {
    const column = this.begun.length + this.time.at;
    const first = Math.max(0, column + 8 - COLUMNS);
    const x = LEFT + 8 + WIDE * (column - first);
    const die = this.state.language === "all" ? this.#die() : undefined;
    this.list.innerHTML =
      `<rect x="${x - 3}" width="${WIDE + 1}" height="100%" fill="var(--sunk)" stroke="var(--rule)"/>` +
      this.rows.map((row, k) => this.#letters(row, k, first)).join("");
    this.list.setAttribute(
      "aria-label",
      this.rows.map((row) => `${row.label}: ${this.name(row)}`).join(", "),
    );
    this.strips.innerHTML =
      this.rows.map((row, k) => this.#strip(row, k)).join("") +
      (die === undefined ? "" : this.#mark(die));
    const sentence = this.sentence();
    this.time.tell(sentence);
    this.tell(sentence);
  }

  // What it shows where all languages draw with one; some name goes on.
  #die() {
    const { at } = this.time;
    return this.rows.find(({ steps }) => steps[at]).steps[at].die;
  }

  #letters(row, k, first) {
    const y = TOP + TALL * k + 16;
    const all = [...this.begun, ...row.steps.map(({ symbol }) => this.writer.symbols[symbol])];
    const now = this.begun.length + this.time.at;
    const drawn = all.slice(first, first + COLUMNS).map((letter, j) => {
      const at = first + j;
      const fill = at < this.begun.length ? "q-input" : at > now ? "ink-3" : "q-output";
      return text(LEFT + 8 + WIDE * j, y, letter, fill, at === now ? 'font-weight="600"' : "");
    });
    return text(0, y, row.label, "ink") + drawn.join("");
  }

  // The chances as parts of a strip, one letter after another.
  #strip({ steps }, k) {
    const y = TOP + TALL * k;
    const step = steps[this.time.at];
    if (!step) return text(0, y + 16, "ended", "ink-3");
    let x = 0;
    const parts = Array.from(step.chances, (chance, j) => {
      const wide = STRIP * chance;
      const isDrawn = STOP + j === step.symbol;
      const part =
        `<rect x="${x}" y="${y + 2}" width="${wide}" height="${TALL - 4}" ` +
        `fill="var(--${isDrawn ? "q-output" : "paper"})" stroke="var(--rule)"/>`;
      const letter =
        wide < 11 ? "" : text(x + wide / 2, y + 16, this.writer.symbols[STOP + j], isDrawn ? "paper" : "ink-2", 'text-anchor="middle"');
      x += wide;
      return part + letter;
    });
    const own = this.state.language === "all" ? "" : this.#mark(step.die, y, TALL);
    return parts.join("") + own;
  }

  // Where the die falls; over all rows, with its number.
  #mark(die, y, tall) {
    const x = STRIP * die;
    const mark = (from, to) =>
      `<path d="M${x} ${from}V${to}" stroke="var(--ink)" stroke-width="2"/>`;
    if (tall) return mark(y, y + tall);
    const side = die < 0.15 ? "start" : die > 0.85 ? "end" : "middle";
    return mark(TOP - 4, TOP + 10 * TALL) + text(x, 13, number(die), "ink", `text-anchor="${side}" font-weight="600"`);
  }

  // What is drawn at this letter, and by how many.
  sentence() {
    const { language, seed } = this.state;
    const { at } = this.time;
    const { symbols } = this.writer;
    const drawn = this.rows.flatMap(({ steps }) => (steps[at] ? [steps[at].symbol] : []));
    const called = (symbol) => (symbol === STOP ? "the end" : symbols[symbol].replace(" ", "a space"));
    const by = {};
    for (const one of new Set(drawn)) {
      const often = drawn.filter((symbol) => symbol === one).length;
      (by[often] ??= []).push(called(one));
    }
    const told = Object.keys(by)
      .reverse()
      .map((often, k) => `${by[often].join(", ")} in ${often}${k ? "" : often > 1 ? " names" : " name"}`);
    const dice = language === "all" ? `all draw with ${number(this.#die())}` : "each has its own dice";
    const ended = 10 - drawn.length;
    return (
      this.#notice() + `Seed ${seed}, letter ${at + 1}: ${dice}. It is ${told.join("; ")}` +
      `${ended ? `; ${ended} have ended` : ""}.`
    );
  }

  #notice() {
    const strange = new Set(this.begun.filter((letter) => !this.writer.isKnown(letter)));
    const unknown = [...strange].slice(0, 5).join(" ");
    return (
      (this.isCut ? cutTo(LONGEST) : "") +
      (unknown ? `It has never seen ${unknown}: read as unknown. ` : "")
    );
  }

  python() {
    const { language, seed, temperature } = this.state;
    const rows =
      language === "all"
        ? `[(language, ${seed}) for language in languages]`
        : `[("${language}", ${10 * seed} + k) for k in range(10)]`;
    return `${fetching(this.model)}
symbols = json.loads(str(file["symbols"]))
languages = json.loads(str(file["languages"]))
E, of, W, U, b, W_y, b_y = (file[f"w{i}"].astype("float32") for i in range(7))
UNKNOWN, START, STOP = 1, 2, 3
begin = ${JSON.stringify(this.begun.join(""))}
rows = ${rows}  # and a seed
temperature = ${temperature}


${UNIFORM}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def read(h, symbol, language):
    x_z, x_r, x_h = np.split((E[symbol] + of[language]) @ W + b[0], 3)
    h_z, h_r, h_h = np.split(h @ U + b[1], 3)
    z = sigmoid(x_z + h_z)
    return z * h + (1 - z) * np.tanh(x_h + sigmoid(x_r + h_r) * h_h)


for language, seed in rows:
    random = uniform(seed)
    name, h, symbol = begin, np.zeros(len(U)), START
    for letter in begin:
        h = read(h, symbol, languages.index(language))
        symbol = symbols.index(letter) if letter in symbols else UNKNOWN
    for _ in range(${MORE}):
        h = read(h, symbol, languages.index(language))
        logits = (h @ W_y + b_y)[STOP:] / temperature
        p = np.exp(logits - logits.max())
        sums = np.cumsum(p / p.sum())
        k = np.searchsorted(sums, next(random), side="right")
        symbol = STOP + min(k, len(sums) - 1)
        if symbol == STOP:
            break
        name += symbols[symbol]
    print(f"{language:9}", name)
`;
  }
}

customElements.define("surname-writer", SurnameWriter);
