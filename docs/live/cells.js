// One step of each cell, as Keras computes it. Names and order are those of
// the pages. A matrix W of n columns lies flat, row after row: W[i * n + j].

// --8<-- [start:lstm]
const sigmoid = (a) => 1 / (1 + Math.exp(-a));

// a in so many parts of one length, as np.split.
const split = (a, parts) => {
  const n = a.length / parts;
  const part = (_, k) => a.subarray(k * n, (k + 1) * n);
  return Array.from({ length: parts }, part);
};

const times = (a, b) => a.map((v, u) => v * b[u]);

// x @ W + b. Four rows of W at a time: a sum is read and written less often.
function dense(x, W, b) {
  const y = Float32Array.from(b);
  const n = y.length;
  let i = 0;
  for (; i + 3 < x.length; i += 4) {
    const [p, q, r, s] = x.subarray(i, i + 4);
    for (let j = 0, k = i * n; j < n; j++, k++)
      y[j] += p * W[k] + q * W[k + n] + r * W[k + 2 * n] + s * W[k + 3 * n];
  }
  for (; i < x.length; i++)
    for (let j = 0; j < n; j++) y[j] += x[i] * W[i * n + j];
  return y;
}

// Blocks i, f, c, o. What hold does to the gates, it does before they act.
function lstm_step(x, h, c, W, U, b, hold = (gates) => gates) {
  const [a_i, a_f, a_c, a_o] = split(dense(h, U, dense(x, W, b)), 4);
  const { i, f, o, c_tilde } = hold({
    i: a_i.map(sigmoid),
    f: a_f.map(sigmoid),
    o: a_o.map(sigmoid),
    c_tilde: a_c.map(Math.tanh),
  });
  c = c.map((old, u) => f[u] * old + i[u] * c_tilde[u]);
  h = times(o, c.map(Math.tanh));
  return { h, c, i, f, o, c_tilde };
}
// --8<-- [end:lstm]

const rnn_step = (x, h, W, U, b) => dense(h, U, dense(x, W, b)).map(Math.tanh);

// Blocks z, r, h. With reset_after b is (2, 3 * units), else (3 * units,).
function gru_cell(x, h, W, U, b, reset_after = true, hold = (gates) => gates) {
  const none = new Float32Array(3 * h.length);
  const [b_x, b_h] = reset_after ? split(b, 2) : [b, none];
  const [x_z, x_r, x_h] = split(dense(x, W, b_x), 3);
  const [h_z, h_r, h_h] = split(dense(h, U, b_h), 3);
  const { z, r } = hold({
    z: x_z.map((a, u) => sigmoid(a + h_z[u])),
    r: x_r.map((a, u) => sigmoid(a + h_r[u])),
  });
  const held = reset_after
    ? times(r, h_h)
    : split(dense(times(r, h), U, none), 3)[2];
  const h_tilde = x_h.map((a, u) => Math.tanh(a + held[u]));
  h = h.map((old, u) => z[u] * old + (1 - z[u]) * h_tilde[u]);
  return { h, z, r, h_tilde };
}

// Row k of a table.
const embedding = (k, E, features) =>
  E.subarray(k * features, (k + 1) * features);

function softmax(a, temperature = 1) {
  const top = Math.max(...a);
  const powers = a.map((v) => Math.exp((v - top) / temperature));
  const sum = powers.reduce((p, q) => p + q);
  return powers.map((v) => v / sum);
}

// What a query takes from values by their keys, arrays of vectors. With scale,
// the scores are those of Keras's AdditiveAttention, without of Attention.
function attention(query, keys, values, scale) {
  const part = scale
    ? (a, q, u) => scale[u] * Math.tanh(a + q)
    : (a, q) => a * q;
  const score = (key) => key.reduce((s, a, u) => s + part(a, query[u], u), 0);
  const weights = softmax(Float32Array.from(keys, score));
  const sum = (_, u) => values.reduce((s, v, t) => s + v[u] * weights[t], 0);
  return { context: values[0].map(sum), weights };
}

export { attention, dense, embedding, sigmoid, softmax };
export { gru_cell, lstm_step, rnn_step };
