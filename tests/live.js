// What tests/test_live.py asks of the engine, in the browser.
import * as engine from "./cells.js";
import { load } from "./npz.js";

const largest = (a, b) => a.reduce((m, v, k) => Math.max(m, Math.abs(v - b[k])), 0);
const rows = (a) =>
  Array.from({ length: a.shape[0] }, (_, k) => engine.embedding(k, a, a.shape[1]));

const STEP = {
  SimpleRNN: (x, { h }, W, U, b) => ({ h: engine.rnn_step(x, h, W, U, b) }),
  LSTM: (x, { h, c }, W, U, b) => engine.lstm_step(x, h, c, W, U, b),
  GRU: (x, { h }, W, U, b) => engine.gru_cell(x, h, W, U, b),
  "GRU, reset_after=False": (x, { h }, W, U, b) => engine.gru_cell(x, h, W, U, b, false),
};

// Of each quantity of a case, the largest difference at any step.
export async function steps(cases) {
  const arrays = await load("./cases.npz");
  const differences = {};
  for (const { kind, key, quantities } of cases) {
    const [W, U, b, X] = ["W", "U", "b", "x"].map((name) => arrays[key + name]);
    const [count, length, features] = X.shape;
    const units = U.shape[0];
    const found = (differences[kind] ??= {});
    for (let at = 0, state; at < count * length; at++) {
      if (at % length === 0)
        state = { h: new Float32Array(units), c: new Float32Array(units) };
      state = STEP[kind](engine.embedding(at, X, features), state, W, U, b);
      for (const q of quantities) {
        const keras = engine.embedding(at, arrays[key + q], units);
        found[q] = Math.max(found[q] ?? 0, largest(state[q], keras));
      }
    }
  }
  return differences;
}

// The same of the other functions, beside the largest value.
export async function functions(count) {
  const a = await load("./functions.npz");
  const differences = {};
  const compare = (name, found, keras) => {
    const share = largest(found, keras) / largest(keras, new Float32Array(keras.length));
    differences[name] = Math.max(differences[name] ?? 0, share);
  };
  for (let n = 0; n < count; n++) {
    const of = (name) => a[`${n} ${name}`];
    const logits = engine.dense(of("x"), of("W"), of("b"));
    compare("Dense", logits, of("dense"));
    compare("softmax", engine.softmax(logits), of("softmax"));
    const row = engine.embedding(of("k")[0], of("W"), of("b").length);
    compare("Embedding", row, of("row"));
    for (const [name, scale] of [["Attention"], ["AdditiveAttention", of("scale")]]) {
      const found = engine.attention(of("q"), rows(of("keys")), rows(of("values")), scale);
      compare(name, found.context, of(`${name} context`));
      compare(name, found.weights, of(`${name} weights`));
    }
  }
  return differences;
}

// What the file holds: [shape, values] of each array, and strings.
export const contents = async (file) =>
  Object.entries(await load(file)).map(([name, a]) =>
    typeof a === "string" ? [name, a] : [name, a.shape, [...a].map(String)],
  );

// Microseconds for a step of so many units, in the best of many short rounds;
// plain is what the products of an LSTM take as they are usually written.
export function microseconds(units) {
  const some = (n) => Float32Array.from({ length: n }, () => Math.random() - 0.5);
  const blocks = { SimpleRNN: 1, LSTM: 4, GRU: 3, "GRU, reset_after=False": 3 };
  const rounds = Object.entries(blocks).map(([kind, count]) => {
    const n = count * units;
    const [x, W, U] = [some(5), some(5 * n), some(units * n)];
    const b = some(kind === "GRU" ? 2 * n : n);
    let state = { h: some(units), c: some(units) };
    return [kind, () => (state = STEP[kind](x, state, W, U, b))];
  });
  const [n, h, U] = [4 * units, some(units), some(4 * units * units)];
  rounds.push(["plain", () => {
    const y = new Float32Array(n);
    for (let i = 0; i < units; i++) for (let j = 0; j < n; j++) y[j] += h[i] * U[i * n + j];
  }]);
  const times = {};
  for (let round = 0; round < 100; round++)
    for (const [kind, step] of rounds) {
      const begin = performance.now();
      for (let k = 0; k < 25; k++) step();
      const now = ((performance.now() - begin) / 25) * 1000;
      times[kind] = Math.min(times[kind] ?? Infinity, now);
    }
  return times;
}
