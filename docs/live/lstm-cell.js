// The LSTM of the page The LSTM cell: a keeper and an average.
import { lstm_step } from "./cells.js";
import { number, say } from "./frame.js";
import { Gates, feeds, isClear, isNothing, isOpen, isShut, line, percent, within } from "./gates.js";

class LstmCell extends Gates {
  word = "cell";
  what = say`LSTM(2), weights set by hand`;
  first = 2;
  units = ["keeper", "average"];
  blocks = ["i", "f", "c", "o"];
  inputs = ["value", "store", "ask"];
  rows = ["h", "o", "c", "f", "i", "value", "store", "ask"];
  gates = { f: "forget", i: "input", o: "output" };
  kept = "c";
  keeps = "f";
  colour = "memory";
  parts = {
    whole: "whole", forget: "f", input: "i", candidate: "c̃",
    "cell-state": "c", output: "o", "hidden-state": "h",
  };
  places = {
    ...feeds({ f: [84, "forget"], i: [150, "input"], c: [216, "candidate"], o: [288, "output"] }),
    x: [58, 335, "start", "q-input", "forget input candidate output"],
    h_before: [14, 228, "start", "q-state", "forget"],
    c_before: [50, 32, "start", "q-memory", "cell-state forget"],
    fc: [150, 36, "middle", "q-memory", "cell-state"],
    c: [366, 32, "end", "q-memory", "cell-state"],
    h: [388, 274, "end", "q-state", "hidden-state"],
    f: [93, 141, "start", "q-gate", "forget"],
    i: [159, 172, "start", "q-gate", "input"],
    c_tilde: [225, 173, "start", "q-state", "candidate"],
    o: [292, 143, "start", "q-gate", "output"],
    ic: [225, 88, "start", "q-state", "cell-state"],
    tanh: [352, 126, "start", "q-memory", "hidden-state"],
  };

  step(x, { h, c }, hold) {
    const { W, U, b } = this.weights;
    return { ...lstm_step(x, h, c, W, U, b, hold), xW: this.product(x, W), hU: this.product(h, U) };
  }

  lines(t) {
    const x = this.column(t);
    const band = this.middle("c") + 6;
    const [low, high] = [band + this.thick(t) / 2, band - this.thick(t) / 2];
    const end = isShut(this.at("i", t)) ? this.middle("i") : low;
    const input = line(`M${x} ${this.middle("value")}V${end}`, "input");
    if (isShut(this.at("o", t))) return input;
    const dashes = isNothing(this.at("c", t)) ? 'stroke-dasharray="2 4"' : "";
    return input + line(`M${x} ${high}V${this.middle("h") + 12}`, "state", dashes);
  }

  shown(s) {
    const [f, i, o, c_tilde, c_before, c, h_before, h] = this.#numbers(s);
    return {
      f, i, o, c_tilde, c_before, c, h_before, h,
      fc: f * c_before, ic: i * c_tilde, tanh: Math.tanh(c),
    };
  }

  #numbers(s) {
    const { before } = s;
    return [s.f, s.i, s.o, s.c_tilde, before.c, s.c, before.h, s.h].map((all) => all[this.unit]);
  }

  formulas(s) {
    const [f, i, o, offer, old, now, , h] = this.#numbers(s);
    const kept =
      `c = f · c + i · c̃ = ${number(f)} · ${within(old)} + ` +
      `${number(i)} · ${within(offer)} = ${number(now)}`;
    const shown = `h = o · tanh(c) = ${number(o)} · ${within(Math.tanh(now))} = ${number(h)}`;
    return {
      whole: `${kept}\n${shown}`,
      forget: this.gateFormula("f", s),
      input: this.gateFormula("i", s),
      candidate: `c̃ = tanh(x W + h U + b) = tanh(${this.sum("c", s)}) = ${number(offer)}`,
      "cell-state": kept,
      output: this.gateFormula("o", s),
      "hidden-state": shown,
    };
  }

  // What a unit does at a step: "keeps 0.66, and shows nothing".
  sentence(s) {
    const [f, i, o, offer, old, now, , h] = this.#numbers(s);
    let does;
    if (!isClear(f, i)) {
      does =
        say`keeps ${percent(f)} of ${number(old)} and takes in ` +
        say`${percent(i)} of ${number(offer)}: ${number(now)}`;
    } else if (isOpen(i)) {
      if (isNothing(old)) does = say`stores ${number(now)}`;
      else if (isOpen(f)) does = say`adds ${number(offer)} to ${number(old)}: ${number(now)}`;
      else does = say`overwrites ${number(old)} with ${number(now)}`;
    } else if (isNothing(old)) does = say`stays empty`;
    else does = isOpen(f) ? say`keeps ${number(old)}` : say`clears ${number(old)}`;
    // The forget gate of the keeper reads its h, and nothing else but store.
    const [fed, answered] = this.sums("f", s);
    if (isShut(f) && !this.isHeld("f", this.time.at) && !fed && answered < -5 && !isNothing(old))
      does += say`, for it has just answered`;
    if (isShut(o)) return say`${does}, and shows nothing`;
    return isNothing(now) ? say`${does}, and has nothing to show` : say`${does}, and shows ${number(h)}`;
  }

  loop = `h = c = np.zeros(2)
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

customElements.define("lstm-cell", LstmCell);

export { LstmCell };
