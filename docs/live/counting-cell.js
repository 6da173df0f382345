// The LSTM of the page The gates of a trained model: it reads a's, b's and #,
// and one number in it counts. The reader writes the word, and may move c.
import { dense } from "./cells.js";
import { el, number, slider } from "./frame.js";
import { line, list, matrix, short, word } from "./gates.js";
import { LstmCell } from "./lstm-cell.js";

const SYMBOLS = "ab#";
const [A, B, END] = [0, 1, 2];
const LONGEST = 60;
const FARTHEST = 5; // stairs
const STEP = 44; // of the map

const oneHot = (symbol) => Float32Array.from(SYMBOLS, (_, k) => Number(k === symbol));
const several = (count, what, many) => `${number(count, 0)} ${count === 1 ? what : many}`;
const inStairs = (count) => several(count, "stair", "stairs");

class CountingCell extends LstmCell {
  word = "count";
  first = 5;
  units = ["0", "1"];
  inputs = [];
  rows = ["y", "h", "o", "c", "f", "i", "x"];
  keys = "Enter changes a gate.";

  async load(progress) {
    await super.load(progress);
    const { W, U, b, W_y, b_y } = this.weights;
    const weights = [W, U, b, W_y, b_y].reduce((sum, a) => sum + a.length, 0);
    this.what = `LSTM(${U.shape[0]}), ${weights} weights, trained`;
  }

  build(body) {
    this.field = el("input", {
      type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      oninput: () => this.typed(this.field.value),
    });
    this.shift = slider(
      "Stairs added to c",
      { min: -FARTHEST, max: FARTHEST, step: 1, told: (value) => number(value, 0) },
      (stairs) => {
        this.stairs[this.time.at] = stairs;
        this.ran();
      },
    );
    super.build(body);
    body.prepend(el("label.live-field", {}, el("span", {}, "Word"), this.field));
    this.equation.before(this.shift);
    this.stair = this.#stair();
  }

  // What one more a does to c of each unit: the mean of a word of eight.
  #stair() {
    this.hold = {};
    this.stairs = [];
    let state = { h: new Float32Array(2), c: new Float32Array(2) };
    const c = [END, ...Array(8).fill(A)].map((symbol, t) => {
      state = this.take(oneHot(symbol), state, t);
      return state.c;
    });
    return c[8].map((last, u) => (last - c[2][u]) / 6);
  }

  start() {
    this.field.value = this.text = "aaaaabbbbb";
    this.notice = "";
    super.start();
  }

  feed() {
    this.symbols = [...`#${this.text}`].map((symbol) => SYMBOLS.indexOf(symbol));
    this.length = this.symbols.length;
    this.features = SYMBOLS.length;
    this.x = Float32Array.from(this.symbols.flatMap((symbol) => [...oneHot(symbol)]));
    this.stairs = Array(this.length).fill(0);
  }

  // The last symbol read is shown; what is held and moved remains.
  typed(text) {
    const all = [...text.toLowerCase()];
    const known = all.filter((symbol) => SYMBOLS.includes(symbol));
    this.notice = known.length < all.length ? ". It knows a, b and # only: the rest is left out" : "";
    if (known.length > LONGEST)
      this.notice += `. Longer than ${LONGEST} symbols: the first ${LONGEST} are read`;
    this.text = known.slice(0, LONGEST).join("");
    const { stairs } = this;
    this.feed();
    this.stairs = this.stairs.map((_, t) => stairs[t] ?? 0);
    for (const gate in this.hold)
      this.hold[gate] = this.stairs.map((_, t) => this.holds(gate, t));
    this.time.stop();
    this.time.count = this.length;
    this.time.at = this.length - 1;
    this.ran();
  }

  // aaaaabbbbb~6~0~___________-___________-___________, # as a dot
  write() {
    return `${this.text.replaceAll("#", ".")}~${super.write()}`;
  }

  read(state) {
    const [, text, rest] = /^([ab.]{0,60})~(.*)$/.exec(state) ?? [];
    if (!rest) return false;
    this.field.value = this.text = text.replaceAll(".", "#");
    this.notice = "";
    return super.read(rest);
  }

  extra() {
    return this.stairs.some(Boolean) ? this.stairs.join(".") : "";
  }

  readExtra(text) {
    const stairs = text.split(".");
    if (stairs.length !== this.length || !stairs.every((n) => /^-?[0-5]$/.test(n))) return false;
    this.stairs = stairs.map(Number);
    return true;
  }

  // c is moved after the step, before the next one reads it.
  step(x, before, hold, t) {
    const s = super.step(x, before, hold);
    const c = s.c.slice();
    if (this.stairs[t]) c[this.unit] += this.stairs[t] * this.stair[this.unit];
    const y = dense(s.h, this.weights.W_y, this.weights.b_y);
    return { ...s, made: s.c, c, next: y.indexOf(Math.max(...y)) };
  }

  // How many b's it takes until # is expected; 0 if it already is.
  #ahead() {
    let { at } = this.time;
    let s = this.steps[at];
    if (this.symbols[at] === B && s.next === END) return 0;
    for (let more = 1; more <= LONGEST; more++) {
      s = this.take(oneHot(B), s, ++at);
      if (s.next === END) return more;
    }
    return Infinity;
  }

  draw() {
    super.draw();
    this.shift.value = this.stairs[this.time.at];
  }

  // The nought of c.
  lines(t) {
    const x = this.column(t);
    return line(`M${x} ${this.level(0)}h${STEP}`, "memory", 'stroke-dasharray="1 4"');
  }

  // Where c stands in its row of the map, which ends at 1 and -7.
  level(c) {
    return this.middle("c") - 12 - 8 * Math.max(-7, Math.min(1, c));
  }

  cell(row, t, x, y) {
    if (row === "c") {
      const c = this.at("c", t);
      const before = t > this.left ? this.level(this.at("c", t - 1)) : this.level(c);
      const stair = `<path d="M${x} ${before}V${this.level(c)}h${STEP}" fill="none" stroke="var(--q-memory)" stroke-width="6"/>`;
      const told = word(x, y - 33, short(c, 1), "var(--q-memory)", 'font-weight="600"');
      return [stair + told, `c ${number(c)}`];
    }
    if (row === "x") {
      const box =
        `<rect x="${x - 15}" y="${y - 15}" width="30" height="30" rx="3" ` +
        `fill="var(--paper)" stroke="var(--q-input)" stroke-width="2"/>`;
      const symbol = SYMBOLS[this.symbols[t]];
      return [box + word(x, y + 5, symbol), `reads ${symbol}`];
    }
    if (row === "y") {
      const ring =
        `<circle cx="${x}" cy="${y}" r="16" fill="var(--paper)" ` +
        `stroke="var(--q-output)" stroke-width="2.5"/>`;
      const symbol = SYMBOLS[this.steps[t].next];
      return [ring + word(x, y + 5, symbol), `expects ${symbol}`];
    }
    return super.cell(row, t, x, y);
  }

  fed() {
    return SYMBOLS[this.symbols[this.time.at]];
  }

  shown(s) {
    return { ...super.shown({ ...s, c: s.made }), c: s.c[this.unit] };
  }

  formulas(s) {
    const formulas = super.formulas({ ...s, c: s.made });
    const stairs = this.stairs[this.time.at];
    if (!stairs) return formulas;
    const stair = this.stair[this.unit];
    const moved = `\n${inStairs(stairs)} of ${number(stair)} added: c = ${number(s.c[this.unit])}`;
    for (const part of ["whole", "cell-state"]) formulas[part] += moved;
    return formulas;
  }

  says(s) {
    const stairs = this.stairs[this.time.at];
    const moved = stairs ? `, moved by ${inStairs(stairs)}` : "";
    const c = `c of unit ${this.unit} is ${number(s.c[this.unit])}${moved}`;
    return `${this.#expects()}; ${c}${this.notice}`;
  }

  #expects() {
    const { at } = this.time;
    if (this.symbols[at] === END) return "a word begins";
    const read = this.symbols.slice(this.symbols.lastIndexOf(END, at), at + 1);
    const [as, bs] = [A, B].map((symbol) => read.filter((one) => one === symbol).length);
    const after =
      `after ${several(as, "a", "a’s")}${bs ? ` and ${several(bs, "b", "b’s")}` : ""} the network`;
    const more = this.#ahead();
    if (more === Infinity) return `${after} foresees no end`;
    if (!more) return `${after} expects the #`;
    return `${after} expects ${bs ? several(more, "more b", "more b’s") : several(more, "b", "b’s")}`;
  }

  holdPython(gate) {
    return `${super.holdPython(gate)} + ${LONGEST} * "${this.throughout(gate) || "_"}"`;
  }

  fedPython() {
    const { W_y, b_y } = this.weights;
    const moved = this.stairs.flatMap((n, t) => (n ? `${t}: ${n}` : [])).join(", ");
    return `W_y = ${matrix(W_y, b_y.length)}
b_y = np.array(${list(b_y)})
symbols = "ab#"
text = "#${this.text}"
shown = ${this.time.at}  # the step
stair = ${Number(this.stair[this.unit].toPrecision(7))}  # of c
stairs = {${moved}}  # added after a step`;
  }

  loop = `def read(text):
    h = c = np.zeros(2)
    for t, symbol in enumerate(text):
        x = np.eye(3)[symbols.index(symbol)]
        a_i, a_f, a_c, a_o = np.split(x @ W + h @ U + b, 4)
        gates = {"f": sigmoid(a_f), "i": sigmoid(a_i), "o": sigmoid(a_o)}
        for name, steps in hold.items():
            if steps[t] != "_":
                gates[name][unit] = int(steps[t])
        c_tilde = np.tanh(a_c)
        c = gates["f"] * c + gates["i"] * c_tilde
        h = gates["o"] * np.tanh(c)
        c[unit] += stairs.get(t, 0) * stair
        row = [*gates.values(), c_tilde, c, h]
        expected = symbols[(h @ W_y + b_y).argmax()]
        yield [f"{number[unit]:5.2f}" for number in row], expected


print("t   reads f     i     o c_tilde     c     h expects")
for t, (row, expected) in enumerate(read(text)):
    print(f"{t + 1:2}", text[t], *row, expected)
start = text[: shown + 1]
ahead = [expected for _, expected in read(start + ${LONGEST} * "b")][shown:]
first = 0 if start.endswith("b") else 1
more = ahead.index("#", first) if "#" in ahead[first:] else None
print("b's until it expects #:", more)
`;
}

customElements.define("counting-cell", CountingCell);
