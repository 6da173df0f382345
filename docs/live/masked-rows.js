// Rows of different lengths in one batch, padded before or after, with or
// without a mask: what a recurrent layer makes of them, as Keras does.
import { gru_cell, lstm_step, rnn_step } from "./cells.js";
import { Explorer, choice, el, number } from "./frame.js";

const STEPS = 6;
const ROWS = [
  [-0.9, -0.6, 0.5, -0.4, 0.8, -0.7],
  [0.4, -0.8, -0.5, -0.9, 0.6, -0.3],
  [-0.3, 0.7, -0.6, 0.9, -0.8, -0.5],
];
const LENGTHS = [2, 4, 6];

// One unit, weights set by hand: W, U and b as the layer's set_weights has them.
const CELLS = {
  SimpleRNN: [[[1]], [[0.6]], [0.3]],
  GRU: [[[0.4, 0, 1]], [[0.5, 0.2, 0.6]], [[-0.6, 0.4, 0.6], [0, 0, 0]]],
  LSTM: [[[0.6, 0.3, 1.2, 0.4]], [[0.4, 0.2, 0.8, 0.3]], [0.3, 0.2, 0.5, 0.8]],
};
const STEP = {
  SimpleRNN: (x, { h }, weights) => ({ h: rnn_step(x, h, ...weights) }),
  GRU: (x, { h }, weights) => gru_cell(x, h, ...weights),
  LSTM: (x, { h, c }, weights) => lstm_step(x, h, c, ...weights),
};

// The output at each step. At a step where real is false the state stays, and
// the last output is repeated, or, with zeros, 0 is put out.
function outputs(cell, x, real, zeros) {
  const weights = CELLS[cell].map((a) => Float32Array.from(a.flat(2)));
  let state = { h: new Float32Array(1), c: new Float32Array(1) };
  let last = 0;
  return x.map((value, t) => {
    if (!real[t]) return zeros ? 0 : last;
    state = STEP[cell](Float32Array.of(value), state, weights);
    return (last = state.h[0]);
  });
}

// Of one row: the outputs of each direction, and what the layer returns of
// them: all steps, or each direction's last.
function layer({ cell, sequences, both }, x, real) {
  const zeros = both && sequences;
  const ways = [outputs(cell, x, real, zeros)];
  if (both) ways.push(outputs(cell, x.toReversed(), real.toReversed(), zeros).toReversed());
  const at = ways.map((way, k) => (sequences || k === 0 ? way.length - 1 : 0));
  return { ways, at, last: ways.map((way, k) => way[at[k]]) };
}

// A row as the batch has it.
function padded({ side, mask }, row, length) {
  const zeros = Array(STEPS - length).fill(0);
  const filled = row.slice(0, length);
  const is = [filled.map(() => true), zeros.map(() => false)];
  const [x, real] = side === "post" ? [[filled, zeros], is] : [[zeros, filled], is.toReversed()];
  return { x: x.flat(), isReal: real.flat(), real: mask ? real.flat() : Array(STEPS).fill(true) };
}

// ---- the picture: 376 wide, a row 122 high
const WIDE = 44;
const AXIS = 42;
const LONG = 34; // a bar of 1
const middle = (t) => 4 + WIDE * (t + 0.5);
const word = (x, y, text, fill = "ink", more = "") =>
  `<text class="code" x="${x}" y="${y}" fill="var(--${fill})" ${more}>${text}</text>`;
const centred = 'text-anchor="middle"';

function square(t, value, isReal, passed) {
  const colour = isReal ? "q-input" : "ink-3";
  const box =
    `<rect x="${middle(t) - 18}" y="92" width="36" height="26" rx="3" stroke-width="2" ` +
    `fill="var(--${isReal ? "q-input" : "paper"})" stroke="var(--${colour})" ${passed ? 'stroke-dasharray="3 3"' : ""}/>`;
  const text = isReal ? number(value, 1) : "0";
  return box + word(middle(t), 110, text, isReal ? "paper" : "ink-2", centred);
}

// The first direction filled, the second hollow.
function bar(t, value, way, ways) {
  const wide = ways > 1 ? 14 : 22;
  const x = middle(t) - (ways > 1 ? 16 - 18 * way : 11);
  const high = Math.max(1, LONG * Math.abs(value));
  return (
    `<rect x="${x}" y="${value < 0 ? AXIS : AXIS - high}" width="${wide}" height="${high}" ` +
    `fill="var(--${way ? "paper" : "q-state"})" stroke="var(--q-state)" stroke-width="1.5"/>`
  );
}

const bars = ({ ways }) => ways.map((way, k) => way.map((value, t) => bar(t, value, k, ways.length)).join("")).join("");

// As the choices have it.
const yesIf = (all) => Object.fromEntries(Object.entries(all).map(([key, is]) => [key, is ? "yes" : ""]));

class MaskedRows extends Explorer {
  word = "rows";
  what = "One unit, weights set by hand";

  async load() {}

  build(body) {
    this.rows = ROWS.map((_, k) => {
      const name = `Row ${k + 1}, real steps`;
      const slider = el("input", {
        type: "range", min: 0, max: STEPS, step: 1, "aria-label": name,
        oninput: () => {
          this.state.lengths[k] = Number(slider.value);
          this.ran();
        },
      });
      const told = el("span");
      const picture = el("svg:svg", { viewBox: "0 0 376 122", "aria-hidden": true });
      return { slider, told, picture, node: el("div", {}, el("div.live-time", {}, el("span", {}, `Row ${k + 1}`), slider, told), picture) };
    });
    const pick = (key, legend, options) =>
      choice(legend, options, (value) => {
        this.state[key] = value;
        this.ran();
      });
    const yes = [["", "no"], ["yes", "yes"]];
    this.choices = {
      mask: pick("mask", "Mask", yes),
      side: pick("side", "Padding", [["post", "post"], ["pre", "pre"]]),
      cell: pick("cell", "Cell", Object.keys(CELLS).map((name) => [name, name])),
      both: pick("both", "Bidirectional", yes),
      sequences: pick("sequences", "All steps", yes),
    };
    body.append(
      el("div.live-rows", {},
        el("div", {}, ...this.rows.map(({ node }) => node)),
        el("div", {}, this.say, el("div.live-choices", {}, ...Object.values(this.choices)))),
    );
  }

  start() {
    this.set({ side: "post", mask: "", cell: "LSTM", both: "", sequences: "", lengths: [...LENGTHS] });
  }

  set(state) {
    this.state = state;
    this.draw();
  }

  ran() {
    this.draw();
    this.changed();
  }

  // post~mask~LSTM~one~last~2.4.6
  write() {
    const { side, mask, cell, both, sequences, lengths } = this.state;
    return [side, mask ? "mask" : "none", cell, both ? "both" : "one", sequences ? "all" : "last", lengths.join(".")].join("~");
  }

  read(text) {
    const found = RegExp(
      `^(post|pre)~(mask|none)~(${Object.keys(CELLS).join("|")})~(both|one)~(all|last)~([0-${STEPS}])\\.([0-${STEPS}])\\.([0-${STEPS}])$`,
    ).exec(text);
    if (!found) return false;
    const [, side, mask, cell, both, sequences, ...lengths] = found;
    this.set({
      side, cell, lengths: lengths.map(Number), ...yesIf({ mask: mask === "mask", both: both === "both", sequences: sequences === "all" }),
    });
    return true;
  }

  // Of each row, what the layer makes of it in the batch and alone.
  run() {
    return ROWS.map((row, k) => {
      const length = this.state.lengths[k];
      const batch = padded(this.state, row, length);
      const found = layer(this.state, batch.x, batch.real);
      const x = row.slice(0, length);
      const alone = length ? layer(this.state, x, x.map(() => true)).last : null;
      const off = alone && Math.max(...found.last.map((value, way) => Math.abs(value - alone[way])));
      return { ...batch, ...found, length, alone, off };
    });
  }

  draw() {
    const { state } = this;
    const found = this.run();
    found.forEach((row, k) => {
      const { slider, told, picture } = this.rows[k];
      slider.value = row.length;
      told.textContent = `${row.length} of ${STEPS} real`;
      slider.setAttribute("aria-valuetext", `${row.length} of ${STEPS}`);
      picture.innerHTML = this.picture(row);
    });
    for (const [key, node] of Object.entries(this.choices)) node.value = state[key];
    this.tell(this.sentence(found));
  }

  picture(row) {
    const { x, isReal, real, ways, at, last, alone, off } = row;
    const line = `<path d="M4 ${AXIS}H${4 + WIDE * STEPS}" stroke="var(--ink-3)"/>`;
    const squares = x.map((value, t) => square(t, value, isReal[t], !real[t])).join("");
    const returned = ways
      .flatMap((_, way) => (this.state.sequences ? x.map((__, t) => [t, way]) : [[at[way], way]]))
      .map(([t, way]) => {
        const cx = middle(t) + (ways.length > 1 ? 18 * way - 9 : 0);
        return `<circle cx="${cx}" cy="7" r="4.5" fill="${way ? "var(--paper)" : "var(--q-output)"}" stroke="var(--q-output)" stroke-width="2"/>`;
      })
      .join("");
    const shown = (ways.length > 1 ? [] : ways[0]).map((value, t) => word(middle(t), 88, number(value), "ink-2", centred));
    const right = 4 + WIDE * STEPS + 10;
    const list = (values) => values.map((value) => number(value)).join(" ");
    const verdict = !alone
      ? word(right, 110, "no real step", "ink-2")
      : off < 0.005
        ? word(right, 110, "as alone", "ink-2")
        : word(right, 110, `${number(off)} off`, "q-error", 'font-weight="600" text-decoration="underline" text-decoration-style="dashed"');
    return (
      line + bars(row) + squares + returned + shown.join("") +
      word(right, 16, this.state.sequences ? "step −1" : "returns", "q-output") +
      word(right, 35, list(last), "ink", 'font-weight="600"') +
      word(right, 70, "alone", "ink-2") +
      word(right, 88, alone ? list(alone) : "—", "ink-2") +
      verdict
    );
  }

  sentence(found) {
    const { mask, side, both, sequences } = this.state;
    const short = found.filter(({ length }) => length < STEPS);
    if (!short.length) return "No row is padded: mask and padding change nothing.";
    const empty = short.some(({ length }) => !length);
    const worst = number(Math.max(...found.map(({ off }) => off ?? 0)));
    const none = mask ? " A row without a real step returns 0." : " A row without a real step still gets an answer.";
    if (mask && both && sequences && side === "post")
      return "Bidirectional puts out 0 at masked steps, so step −1 of a padded row is 0 and not its last output.";
    if (mask)
      return `The mask passes over the padding: each row ends as it would alone.${empty ? none : ""}`;
    if (both)
      return `Without a mask one direction or the other reads zeros after the real steps: up to ${worst} off.${empty ? none : ""}`;
    if (side === "post")
      return `Without a mask the state goes on through the zeros, and the last one drifts: up to ${worst} off.${empty ? none : ""}`;
    return `Without a mask the zeros come first, and the real steps after them: what is left of the zeros is up to ${worst}.${empty ? none : ""}`;
  }

  python() {
    const { side, mask, cell, both, sequences, lengths } = this.state;
    const list = (a) => (Array.isArray(a) ? `[${a.map(list).join(", ")}]` : String(a));
    const rows = ROWS.map((row, k) => `    ${list(row.slice(0, lengths[k]))},\n`).join("");
    const [W, U, b] = CELLS[cell].map(list);
    const options = sequences ? ", return_sequences=True" : "";
    const make = `layers.${cell}(1${options})`;
    return `import keras
import numpy as np
from keras import layers

rows = [
${rows}]
X = keras.utils.pad_sequences(
    rows, maxlen=${STEPS}, padding="${side}", dtype="float32"
)[:, :, None]
real = keras.utils.pad_sequences(
    [[True] * len(row) for row in rows], maxlen=${STEPS}, padding="${side}"
).astype(bool)
weights = [
    np.array(${W}),
    np.array(${U}),
    np.array(${b}),
]
layer = ${both ? `layers.Bidirectional(${make})` : make}
layer.build(X.shape)
layer.set_weights(${both ? "weights + weights" : "weights"})
y = np.asarray(layer(X${mask ? ", mask=real" : ""}))
print(y.shape)
for row in y:
    print(*(f"{value:5.2f}" for value in row.ravel()))
`;
  }
}

customElements.define("masked-rows", MaskedRows);

export { CELLS, ROWS, layer, padded };
