// The LSTM of the page The LSTM cell: a keeper and an average.
import { dense, lstm_step } from "./cells.js";
import { number } from "./frame.js";
import { Gates, isNothing, isOpen, isShut, line } from "./gates.js";

const BLOCKS = ["i", "f", "c", "o"]; // of W, U and b, each of two units

// A negative number within a sum or a product.
const within = (value, digits) => (value < 0 ? `(${number(value, digits)})` : number(value, digits));

class LstmCell extends Gates {
  word = "cell";
  what = "LSTM(2), weights set by hand";
  first = 2;
  units = ["keeper", "average"];
  inputs = ["value", "store", "ask"];
  rows = ["h", "o", "c", "f", "i", "value", "store", "ask"];
  named = { value: "x" };
  gates = { f: "forget", i: "input", o: "output" };
  kept = "c";
  keeps = "f";
  colour = "memory";
  parts = {
    whole: "whole", forget: "f", input: "i", candidate: "c̃",
    "cell-state": "c", output: "o", "hidden-state": "h",
  };
  places = {
    x: [58, 335, "start", "q-input", "forget input candidate output"],
    h_before: [14, 228, "start", "q-state", "forget"],
    c_before: [50, 32, "start", "q-memory", "cell-state forget"],
    fc: [150, 36, "middle", "q-memory", "cell-state"],
    c: [366, 32, "end", "q-memory", "cell-state"],
    h: [388, 274, "end", "q-state", "hidden-state"],
    ...this.#feeds({ f: [84, "forget"], i: [150, "input"], c: [216, "candidate"], o: [288, "output"] }),
    f: [93, 141, "start", "q-gate", "forget"],
    i: [159, 172, "start", "q-gate", "input"],
    c_tilde: [225, 173, "start", "q-state", "candidate"],
    o: [292, 143, "start", "q-gate", "output"],
    ic: [225, 88, "start", "q-state", "cell-state"],
    tanh: [352, 126, "start", "q-memory", "hidden-state"],
  };

  // Beside the two arrows into a box, and in it.
  #feeds(boxes) {
    return Object.fromEntries(
      Object.entries(boxes).flatMap(([block, [x, part]]) => [
        [`x_${block}`, [x - 13, 285, "end", "q-input", part]],
        [`h_${block}`, [x + 13, 246, "start", "q-state", part]],
        [`a_${block}`, [x, 209, "middle", "ink", part]],
      ]),
    );
  }

  step(x, { h, c }, hold) {
    const { W, U, b } = this.weights;
    const none = new Float32Array(b.length);
    const state = lstm_step(x, h, c, W, U, b, hold);
    return { ...state, xW: dense(x, W, none), hU: dense(h, U, none) };
  }

  // x @ W, h @ U and b of a block, for the shown unit.
  sums(block, s) {
    const k = BLOCKS.indexOf(block) * this.units.length + this.unit;
    return [s.xW[k], s.hU[k], this.weights.b[k]];
  }

  lines(t) {
    const x = this.column(t);
    const band = this.middle("c") + 6;
    const [low, high] = [band + this.thick(t) / 2, band - this.thick(t) / 2];
    const input = line(`M${x} ${this.middle("value")}V${isShut(this.at("i", t)) ? this.middle("i") : low}`, "input");
    if (isShut(this.at("o", t))) return input;
    const dashes = isNothing(this.at("c", t)) ? 'stroke-dasharray="2 4"' : "";
    return input + line(`M${x} ${high}V${this.middle("h") + 12}`, "state", dashes);
  }

  numbers(s) {
    const u = this.unit;
    const numbers = {
      x: this.inputs.map((name, k) => `${name} ${number(s.x[k], k ? 0 : 1)}`).join("  "),
      h_before: s.before.h[u], c_before: s.before.c[u], h: s.h[u], c: s.c[u],
      f: s.f[u], i: s.i[u], o: s.o[u], c_tilde: s.c_tilde[u],
      fc: s.f[u] * s.before.c[u], ic: s.i[u] * s.c_tilde[u], tanh: Math.tanh(s.c[u]),
    };
    for (const [key, value] of Object.entries(numbers)) if (key !== "x") numbers[key] = number(value);
    for (const block of BLOCKS) {
      const [x, h, b] = this.sums(block, s);
      const held = block in this.gates && this.isHeld(block, this.time.at);
      numbers[`x_${block}`] = number(x, 1);
      numbers[`h_${block}`] = number(h, 1);
      numbers[`a_${block}`] = held ? "held" : number(x + h + b, 1);
    }
    return numbers;
  }

  formula(part, s) {
    const u = this.unit;
    const sum = (block) => this.sums(block, s).map((v) => within(v, 1)).join(" + ");
    const gate = (name) =>
      this.isHeld(name, this.time.at)
        ? `${name} = ${number(s[name][u])}, held`
        : `${name} = σ(x W + h U + b) = σ(${sum(name)}) = ${number(s[name][u])}`;
    const kept =
      `c = f · c + i · c̃ = ${number(s.f[u])} · ${within(s.before.c[u])} + ` +
      `${number(s.i[u])} · ${within(s.c_tilde[u])} = ${number(s.c[u])}`;
    const shown = `h = o · tanh(c) = ${number(s.o[u])} · ${within(Math.tanh(s.c[u]))} = ${number(s.h[u])}`;
    return {
      whole: `${kept}\n${shown}`,
      forget: gate("f"),
      input: gate("i"),
      candidate: `c̃ = tanh(x W + h U + b) = tanh(${sum("c")}) = ${number(s.c_tilde[u])}`,
      "cell-state": kept,
      output: gate("o"),
      "hidden-state": shown,
    }[part];
  }

  // What a unit does at a step: "keeps 0.66, and shows nothing".
  sentence(s) {
    const u = this.unit;
    const [f, i, o, offer, old, now] = [s.f, s.i, s.o, s.c_tilde, s.before.c, s.c].map((all) => all[u]);
    const whole = [f, i].every((gate) => isOpen(gate) || isShut(gate));
    let does;
    if (!whole) {
      const share = (gate) => `${Math.round(100 * gate)} %`;
      does = `keeps ${share(f)} of ${number(old)} and takes in ${share(i)} of ${number(offer)}: ${number(now)}`;
    } else if (isOpen(i)) {
      if (isNothing(old)) does = `stores ${number(now)}`;
      else if (isOpen(f)) does = `adds ${number(offer)} to ${number(old)}: ${number(now)}`;
      else does = `overwrites ${number(old)} with ${number(now)}`;
    } else if (isNothing(old)) does = "stays empty";
    else does = `${isOpen(f) ? "keeps" : "clears"} ${number(old)}`;
    // The forget gate of the keeper reads its h, and nothing else but store.
    const [fed, answered] = this.sums("f", s);
    if (isShut(f) && !this.isHeld("f", this.time.at) && !fed && answered < -5 && !isNothing(old))
      does += ", for it has just answered";
    if (isShut(o)) return `${does}, and shows nothing`;
    return `${does}, and ${isNothing(now) ? "has nothing to show" : `shows ${number(s.h[u])}`}`;
  }

  python() {
    const list = (row) => `[${row.map((v) => Number(v.toFixed(4))).join(", ")}]`;
    const matrix = (a, width) => {
      const rows = Array.from({ length: a.length / width }, (_, k) => [...a.slice(k * width, (k + 1) * width)]);
      return `np.array([\n${rows.map((row) => `    ${list(row)},\n`).join("")}])`;
    };
    const { W, U, b } = this.weights;
    const hold = Object.entries(this.hold).map(([gate, steps]) => `    "${gate}": "${steps.join("")}",\n`);
    return `import numpy as np

# Two units; their blocks stand in Keras's order: i, f, c, o.
W = ${matrix(W, b.length)}
U = ${matrix(U, b.length)}
b = np.array(${list([...b])})
# value, store, ask
sequence = ${matrix(this.x, this.features)}
unit = ${this.unit}  # the ${this.units[this.unit]}
# Of each step: _ computed, 1 held open, 0 held shut.
hold = {
${hold.join("")}}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


h = c = np.zeros(2)
print("t     f     i     o c_tilde     c     h")
for t, x in enumerate(sequence):
    a_i, a_f, a_c, a_o = np.split(x @ W + h @ U + b, 4)
    gates = {"f": sigmoid(a_f), "i": sigmoid(a_i), "o": sigmoid(a_o)}
    for name, steps in hold.items():
        if steps[t] != "_":
            gates[name][unit] = int(steps[t])
    c_tilde = np.tanh(a_c)
    c = gates["f"] * c + gates["i"] * c_tilde
    h = gates["o"] * np.tanh(c)
    row = [*gates.values(), c_tilde, c, h]
    print(t + 1, *(f"{number[unit]:5.2f}" for number in row))
`;
  }
}

customElements.define("lstm-cell", LstmCell);
