// The GRU of the page The GRU cell: a pad that holds one number.
import { gru_cell } from "./cells.js";
import { number, say } from "./frame.js";
import { Gates, feeds, isClear, isNothing, isOpen, isShut, line, percent, within } from "./gates.js";

class GruCell extends Gates {
  word = "pad";
  what = say`GRU(1), weights set by hand`;
  first = 3;
  units = ["pad"];
  blocks = ["z", "r", "h"];
  inputs = ["value", "write", "fresh"];
  rows = ["h", "z", "r", "value", "write", "fresh"];
  gates = { z: "update", r: "reset" };
  kept = "h";
  keeps = "z";
  colour = "state";
  parts = { whole: "whole", reset: "r", candidate: "h̃", update: "z", mix: "h" };
  places = {
    ...feeds({ r: [104, "reset"], h: [204, "candidate"], z: [300, "update"] }),
    x: [58, 335, "start", "q-input", "reset update candidate"],
    h_before: [50, 32, "start", "q-state", "mix reset update"],
    h: [366, 28, "end", "q-state", "mix"],
    r: [113, 172, "start", "q-gate", "reset"],
    rh: [156, 106, "start", "q-state", "reset candidate"],
    h_h: [157, 172, "start", "q-state", "candidate"],
    h_tilde: [213, 174, "start", "q-state", "candidate"],
    z: [309, 172, "start", "q-gate", "update"],
    rest: [222, 92, "start", "q-gate", "mix"],
    taken: [310, 94, "start", "q-state", "mix"],
  };

  step(x, { h }, hold) {
    const { W, U, b } = this.weights;
    const state = gru_cell(x, h, W, U, b, false, hold);
    // The candidate reads what the reset gate lets pass.
    const [all, seen] = [h, h.map((v, u) => state.r[u] * v)].map((a) => this.product(a, U));
    const hU = all.map((v, k) => (k < 2 * h.length ? v : seen[k]));
    return { ...state, xW: this.product(x, W), hU };
  }

  // What comes in ends at the update gate where that keeps the old number.
  lines(t) {
    const x = this.column(t);
    const band = this.middle("h") + 6 + this.thick(t) / 2;
    const end = isOpen(this.at("z", t)) ? this.middle("z") + 16 : band;
    return line(`M${x} ${this.middle("value")}V${end}`, "input");
  }

  shown(s) {
    const [z, r, h_tilde, h_before, h] = this.#numbers(s);
    return { z, r, h_tilde, h_before, h, rh: r * h_before, rest: 1 - z, taken: (1 - z) * h_tilde };
  }

  #numbers(s) {
    return [s.z, s.r, s.h_tilde, s.before.h, s.h].map((all) => all[this.unit]);
  }

  formulas(s) {
    const [z, r, offer, old, now] = this.#numbers(s);
    const mix =
      `h = z · h + (1 − z) · h̃ = ${number(z)} · ${within(old)} + ` +
      `${number(1 - z)} · ${within(offer)} = ${number(now)}`;
    const sum = `tanh(${this.sum("h", s)})`;
    const candidate = `h̃ = tanh(x W + (r · h) U + b) = ${sum} = ${number(offer)}`;
    return {
      whole: `${candidate}\n${mix}`,
      reset: this.gateFormula("r", s),
      candidate,
      update: this.gateFormula("z", s),
      mix,
    };
  }

  // What the pad does at a step.
  sentence(s) {
    const [z, r, offer, old, now] = this.#numbers(s);
    const value = number(s.x[0], 1);
    if (!isClear(z, r)) {
      const kept = say`keeps ${percent(z)} of ${number(old)}`;
      return kept + say` and takes ${percent(1 - z)} of ${number(offer)}: ${number(now)}`;
    }
    if (isOpen(z)) {
      const keeps = isNothing(old) ? say`stays empty` : say`keeps ${number(old)}`;
      return say`${keeps}; the offer, ${number(offer)}, does not get in`;
    }
    if (isNothing(old)) return say`takes ${number(now)}`;
    if (isShut(r)) return say`begins anew: ${number(now)} in place of ${number(old)}`;
    return say`adds ${value} to ${number(old)}, and tanh makes ${number(now)} of the sum`;
  }

  loop = `U_z, U_r, U_h = np.split(U, 3, axis=1)
b_z, b_r, b_h = np.split(b, 3)
h = np.zeros(1)
print("t     z     r h_tilde     h")
for t, x in enumerate(sequence):
    x_z, x_r, x_h = np.split(x @ W, 3)
    gates = {
        "z": sigmoid(x_z + h @ U_z + b_z),
        "r": sigmoid(x_r + h @ U_r + b_r),
    }
    for name, steps in hold.items():
        if steps[t] != "_":
            gates[name][unit] = int(steps[t])
    z, r = gates.values()
    h_tilde = np.tanh(x_h + (r * h) @ U_h + b_h)
    h = z * h + (1 - z) * h_tilde
    print(t + 1, *(f"{number[unit]:5.2f}" for number in (z, r, h_tilde, h)))
`;
}

customElements.define("gru-cell", GruCell);
