// How far back a fresh layer hears: backpropagation through time, in the page,
// of random sequences, drawn as they come.
import { gru_cell, lstm_step, rnn_step } from "./cells.js";
import { gru_back, lstm_back, rnn_back } from "./back.js";
import { Explorer, button, choice, el, inFrames, number, slider } from "./frame.js";

const FEATURES = 8;
const SEQUENCES = 16;
const LEAST = 1e-30; // a smaller share is none
const RANGE = { units: [4, 64, 4], length: [10, 100, 5], bias: [0, 6, 0.1], spread: [0.5, 2, 0.1] };
const SEEDS = 999;

// Of each cell: blocks of its weights, which of them has the bias and what it
// is called, how a step goes and how back, and what alone a step would leave.
const CELLS = {
  lstm: {
    name: "LSTM", blocks: 4, biases: 1, block: 1, gate: "Forget bias", alone: "f", colour: "memory",
    step: (x, { h, c }, W, U, b) => lstm_step(x, h, c, W, U, b), back: lstm_back,
  },
  gru: {
    name: "GRU", blocks: 3, biases: 2, block: 0, gate: "Update bias", alone: "z", colour: "state",
    step: (x, { h }, W, U, b) => gru_cell(x, h, W, U, b), back: gru_back,
  },
  rnn: {
    name: "SimpleRNN", blocks: 1, biases: 1, alone: "σ", colour: "state",
    step: (x, { h }, W, U, b) => ({ h: rnn_step(x, h, W, U, b) }), back: rnn_back,
  },
};

// The generator of Park and Miller, so that Python draws the same numbers.
class Random {
  constructor(seed) {
    this.state = seed;
  }

  uniform() {
    this.state = (this.state * 48271) % 2147483647;
    return this.state / 2147483647;
  }

  normal() {
    const far = Math.sqrt(-2 * Math.log(this.uniform()));
    return far * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(length) {
    return Float64Array.from({ length }, () => this.normal());
  }
}

const dot = (a, b) => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
};
const length = (a) => Math.sqrt(dot(a, a));

// Kernel by Glorot's rule, and rows of U at right angles. A generator: yields
// between the rows.
function* layer(cell, units, random) {
  const n = CELLS[cell].blocks * units;
  const limit = Math.sqrt(6 / (FEATURES + n));
  const W = Float32Array.from({ length: FEATURES * n }, () => (2 * random.uniform() - 1) * limit);
  const Q = random.normals(units * n);
  const rows = Array.from({ length: units }, (_, u) => Q.subarray(u * n, (u + 1) * n));
  for (const [u, row] of rows.entries()) {
    for (const other of rows.slice(0, u)) {
      const share = dot(row, other);
      for (let k = 0; k < n; k++) row[k] -= share * other[k];
    }
    const long = length(row);
    for (let k = 0; k < n; k++) row[k] /= long;
    yield;
  }
  return { W, Q, next: random.state };
}

// The length of the gradient by each input, from the last one back, of a random
// sequence. The loss reads the last h through random weights.
function* lengths(cell, { W, U, b }, units, steps, random) {
  const { step, back } = CELLS[cell];
  const readout = random.normals(units);
  const zeros = new Float32Array(units);
  const states = [{ h: zeros, c: zeros }];
  const x = Array.from({ length: steps }, () => Float32Array.from(random.normals(FEATURES)));
  for (const x_t of x) {
    states.push(step(x_t, states.at(-1), W, U, b));
    yield;
  }
  let gradient = { dh: readout, dc: new Float64Array(units) };
  const found = [];
  for (let t = steps; t > 0; t--) {
    gradient = back(gradient, states[t], states[t - 1], x[t - 1], W, U, b);
    found.push(length(gradient.dx));
    yield;
  }
  return found;
}

// 4.7e−5 as the page prints it.
const scientific = (value) => {
  if (value < LEAST) return "less than 1e−30";
  if (value > 0.0995 && value < 99.5) return number(value, value < 10 ? 2 : 1);
  return value.toExponential(1).replace("-", "−").replace("+", "");
};

const BOX = { left: 48, right: 378, top: 14, bottom: 214 };

class GradientReach extends Explorer {
  word = "reach";
  what = "A fresh layer, fed noise";

  async load() {}

  build(body) {
    const told = { units: 0, length: 0, bias: 1, spread: 1 };
    const names = { units: "Units", length: "Length", bias: "Bias", spread: "Spread of U" };
    this.sliders = Object.fromEntries(
      Object.entries(RANGE).map(([key, [min, max, step]]) => [
        key,
        slider(names[key], { min, max, step, told: (value) => number(value, told[key]) }, (value) => {
          this.state[key] = value;
          this.state.back = Math.min(this.state.back, this.state.length - 1);
          this.ran();
        }),
      ]),
    );
    this.far = slider("Steps back", { min: 0, max: 99, step: 1, told: (value) => number(value, 0) }, (value) => {
      this.state.back = value;
      this.moved();
    });
    this.cell = choice("Cell", Object.entries(CELLS).map(([key, { name }]) => [key, name]), (key) => {
      this.state.cell = key;
      this.ran();
    });
    const other = button("Other weights", () => {
      this.state.seed = (this.state.seed % SEEDS) + 1;
      this.ran();
    });
    body.append(
      el("div.live-beside", {}, this.#picture(), this.far, this.say,
        el("div.live-sliders", {}, this.cell, ...Object.values(this.sliders), other)),
    );
  }

  // The page says with which layer.
  start() {
    this.#set(this.getAttribute("begin"));
  }

  #set(text) {
    const [cell, ...numbers] = text.split("~");
    const [units, length, bias, spread, seed, back] = numbers.map(Number);
    this.state = { cell, units, length, bias, spread, seed, back };
    this.run();
  }

  // lstm~32~60~1~1~1~50: cell, units, length, bias, spread of U, seed, and how
  // far back is read.
  write() {
    const { cell, units, length, bias, spread, seed, back } = this.state;
    return [cell, units, length, bias, spread, seed, back].join("~");
  }

  read(text) {
    if (!/^(lstm|gru|rnn)~\d\d?~\d{2,3}~\d(\.\d)?~\d(\.\d)?~\d{1,3}~\d\d?$/.test(text)) return false;
    const [, units, length, bias, spread, seed, back] = text.split("~").map(Number);
    const given = { units, length, bias, spread };
    for (const [key, [min, max, step]] of Object.entries(RANGE)) {
      const steps = (given[key] - min) / step;
      if (given[key] < min || given[key] > max || Math.abs(steps - Math.round(steps)) > 1e-6) return false;
    }
    if (!seed || back >= length) return false;
    this.#set(text);
    return true;
  }

  ran() {
    this.run();
    this.changed();
  }

  moved() {
    this.quiet = false;
    this.draw();
    this.changed();
  }

  // What the frame says of an address stays until the reader moves something.
  tell(sentence) {
    this.quiet = true;
    super.tell(sentence);
  }

  // Begins anew; what ran before ends at its next frame.
  run() {
    this.lines = [];
    this.quiet = false;
    const work = (this.work = this.#work());
    this.draw();
    this.done = inFrames(work, () => this.work !== work);
  }

  *#work() {
    const { cell, units, length: steps, bias, spread, seed } = this.state;
    const key = [cell, units, seed].join();
    if (this.key !== key) {
      this.base = yield* layer(cell, units, new Random(seed));
      this.key = key;
    }
    const { W, Q, next } = this.base;
    const { blocks, biases, block } = CELLS[cell];
    const b = new Float32Array(biases * blocks * units);
    if (block !== undefined) b.fill(bias, block * units, (block + 1) * units);
    const U = Float32Array.from(Q, (value) => spread * value);
    const random = new Random(next);
    for (let k = 0; k < SEQUENCES; k++) {
      this.lines.push(yield* lengths(cell, { W, U, b }, units, steps, random));
      this.draw();
      yield;
    }
  }

  // Lengths are means over the sequences so far; a share is of the last step's.
  get shares() {
    const mean = (n) => this.lines.reduce((sum, line) => sum + line[n], 0);
    return Array.from({ length: this.lines.length && this.state.length }, (_, n) => mean(n) / mean(0));
  }

  // What a step alone leaves: the gate at its bias, or the matrix without tanh.
  get alone() {
    const { cell, bias, spread } = this.state;
    return cell === "rnn" ? spread : 1 / (1 + Math.exp(-bias));
  }

  // ---- the picture

  #picture() {
    this.drawn = el("svg:g");
    this.chart = el("svg:svg.live-drawing.live-chart", { viewBox: "0 0 390 260", "aria-hidden": true }, this.drawn);
    const read = ({ clientX, clientY, buttons, type }) => {
      if (type === "pointermove" && !buttons) return;
      const at = new DOMPoint(clientX, clientY).matrixTransform(this.chart.getScreenCTM().inverse());
      const share = (BOX.right - at.x) / (BOX.right - BOX.left);
      const last = this.state.length - 1;
      this.state.back = Math.max(0, Math.min(last, Math.round(share * last)));
      this.moved();
    };
    this.chart.addEventListener("pointerdown", read);
    this.chart.addEventListener("pointermove", read);
    return this.chart;
  }

  #draw(shares, alone) {
    const { length: steps, back, cell } = this.state;
    const { colour, alone: sign } = CELLS[cell];
    const last = steps - 1;
    const powers = [...shares, ...alone].map((value) => Math.log10(Math.max(value, LEAST)));
    const floor = Math.max(-30, Math.min(-6, Math.floor(Math.min(...powers) / 3) * 3));
    const roof = Math.max(1, Math.ceil(Math.max(...powers)));
    const x = (n) => BOX.right - ((BOX.right - BOX.left) * n) / last;
    const y = (value) => {
      const power = Math.max(floor, Math.log10(Math.max(value, 1e-300)));
      return BOX.top + ((BOX.bottom - BOX.top) * (roof - power)) / (roof - floor);
    };
    const line = (values, more) => {
      const points = Array.from(values, (value, n) => `${x(n).toFixed(1)} ${y(value).toFixed(1)}`);
      return points.length ? `<path d="M${points.join("L")}" fill="none" ${more}/>` : "";
    };
    const word = (at, up, text, anchor, more = "") =>
      `<text class="code" x="${at}" y="${up}" text-anchor="${anchor}" ${more || 'fill="var(--ink)"'}>${text}</text>`;
    const every = [1, 3, 6, 10].find((power) => (roof - floor) / power <= 6);
    const parts = [];
    for (let power = roof - (((roof % every) + every) % every); power >= floor; power -= every) {
      const up = y(10 ** power);
      parts.push(`<path d="M${BOX.left} ${up}H${BOX.right}" stroke="var(--${power ? "rule" : "ink-3"})"/>`);
      parts.push(word(BOX.left - 6, up + 4, power ? `1e${number(power, 0)}` : "1", "end"));
    }
    const apart = [5, 10, 20].find((n) => last / n <= 6);
    for (let n = 0; n <= last; n += apart) parts.push(word(x(n), BOX.bottom + 18, n, "middle"));
    parts.push(word((BOX.left + BOX.right) / 2, BOX.bottom + 38, "← steps back from the end", "middle"));
    for (const one of this.lines)
      parts.push(line(one.map((value) => value / one[0]), 'stroke="var(--q-error)" stroke-opacity="0.18"'));
    parts.push(line(alone, `stroke="var(--q-${colour})" stroke-width="${cell === "lstm" ? 5 : 2.5}"`));
    parts.push(line(shares, 'stroke="var(--q-error)" stroke-width="2.5" stroke-dasharray="7 4"'));
    // Names, at a third of the way and clear of each other.
    const at = Math.round(last * 0.62);
    const higher = shares.length && shares[at] > alone[at];
    const halo = (role) => `fill="var(--q-${role})" font-weight="600" paint-order="stroke" stroke="var(--paper)" stroke-width="4"`;
    parts.push(word(x(at), y(alone[at]) + (higher ? 20 : -10), `${sign}ⁿ`, "middle", halo(colour)));
    if (shares.length) parts.push(word(x(at), y(shares[at]) + (higher ? -10 : 20), "gradient", "middle", halo("error")));
    parts.push(`<path d="M${x(back)} ${BOX.top}V${BOX.bottom}" stroke="var(--ink)" stroke-width="1.5"/>`);
    if (shares.length)
      parts.push(`<circle cx="${x(back)}" cy="${y(shares[back])}" r="5" fill="var(--paper)" stroke="var(--q-error)" stroke-width="2.5"/>`);
    this.drawn.innerHTML = parts.join("");
  }

  draw() {
    const { cell, back, length: steps } = this.state;
    const { gate, alone: sign } = CELLS[cell];
    const { shares } = this;
    const alone = Array.from({ length: steps }, (_, n) => this.alone ** n);
    this.#draw(shares, alone);
    this.cell.value = cell;
    for (const [key, node] of Object.entries(this.sliders)) node.value = this.state[key];
    const { bias } = this.sliders;
    bias.hidden = !gate;
    bias.firstChild.textContent = gate;
    bias.querySelector("input").setAttribute("aria-label", gate);
    this.far.querySelector("input").max = steps - 1;
    this.far.value = back;
    if (this.lines.length < SEQUENCES || this.quiet) return;
    const why = cell === "rnn" ? "the matrix alone, without tanh, would leave" : "the gate at its bias would leave";
    this.tell(
      `${back} steps back, the share of the gradient is ${scientific(shares[back])}; ` +
        `${why} ${sign}ⁿ = ${number(this.alone, 3)}ⁿ = ${scientific(alone[back])}.`,
    );
  }

  python() {
    const { cell, units, length: steps, bias, spread, seed, back } = this.state;
    const { name, blocks, block, biases } = CELLS[cell];
    const column = block === 0 ? ":units" : "units : 2 * units";
    const gate = block === undefined ? "" : `\nb[${biases > 1 ? "0, " : ""}${column}] = ${bias}`;
    return `import keras
import numpy as np
import tensorflow as tf

units, features, timesteps, sequences = ${units}, ${FEATURES}, ${steps}, ${SEQUENCES}
number = ${seed}


def uniform():  # the generator of Park and Miller
    global number
    number = number * 48271 % 2147483647
    return number / 2147483647


def normal(*shape):
    numbers = []
    for _ in range(np.prod(shape)):
        far = np.sqrt(-2 * np.log(uniform()))
        numbers.append(far * np.cos(2 * np.pi * uniform()))
    return np.reshape(numbers, shape)


layer = keras.layers.${name}(units)
layer.build((sequences, timesteps, features))
W, U, b = (np.zeros(w.shape) for w in layer.get_weights())
limit = np.sqrt(6 / (features + ${blocks} * units))
W.flat = [(2 * uniform() - 1) * limit for _ in range(W.size)]
Q, R = np.linalg.qr(normal(*U.shape).T)
U = ${spread} * (Q * np.sign(np.diag(R))).T${gate}
layer.set_weights([W, U, b])

readout, x = [], []
for _ in range(sequences):
    readout.append(normal(units))
    x.append(normal(timesteps, features))
x = tf.constant(x, "float32")
with tf.GradientTape() as tape:
    tape.watch(x)
    L = tf.reduce_sum(layer(x) * np.float32(readout))
lengths = np.linalg.norm(tape.gradient(L, x), axis=-1).mean(axis=0)
share = (lengths / lengths[-1])[::-1]
for n in sorted({${[0, 1, 10, 20, 50].filter((n) => n < steps).join(", ")}, ${back}, timesteps - 1}):
    print(f"{n:3} steps back: {share[n]:.5e}")
`;
  }
}

customElements.define("gradient-reach", GradientReach);
