// One step back of each cell: from the gradient by its state to that by its
// input and by the state before. s is what the step of cells.js returned, and
// before, the state that it began with. Gradients get small: they are doubles.
import { dense } from "./cells.js";

// W @ a: the way back through x @ W.
function back(W, a) {
  const y = new Float64Array(W.length / a.length);
  for (let i = 0, k = 0; i < y.length; i++)
    for (let j = 0; j < a.length; j++, k++) y[i] += W[k] * a[j];
  return y;
}

function rnn_back({ dh }, s, before, x, W, U) {
  const a = dh.map((d, u) => d * (1 - s.h[u] ** 2));
  return { dx: back(W, a), dh: back(U, a) };
}

function lstm_back({ dh, dc }, s, before, x, W, U) {
  const n = dh.length;
  const a = new Float64Array(4 * n);
  dc = dc.map((d, u) => {
    const shown = Math.tanh(s.c[u]);
    const { i, f, o, c_tilde } = s;
    d += dh[u] * o[u] * (1 - shown ** 2);
    a[u] = d * c_tilde[u] * i[u] * (1 - i[u]);
    a[n + u] = d * before.c[u] * f[u] * (1 - f[u]);
    a[2 * n + u] = d * i[u] * (1 - c_tilde[u] ** 2);
    a[3 * n + u] = dh[u] * shown * o[u] * (1 - o[u]);
    return d * f[u];
  });
  return { dx: back(W, a), dh: back(U, a), dc };
}

// With reset_after, as Keras has it: r acts on h @ U + b.
function gru_back({ dh }, s, before, x, W, U, b) {
  const n = dh.length;
  const h_h = dense(before.h, U, b.subarray(3 * n)).subarray(2 * n);
  const a = new Float64Array(3 * n); // by what comes from x ...
  const a_h = new Float64Array(3 * n); // ... and from h
  const kept = dh.map((d, u) => {
    const { z, r, h_tilde } = s;
    const offer = d * (1 - z[u]) * (1 - h_tilde[u] ** 2);
    a[u] = a_h[u] = d * (before.h[u] - h_tilde[u]) * z[u] * (1 - z[u]);
    a[n + u] = a_h[n + u] = offer * h_h[u] * r[u] * (1 - r[u]);
    a[2 * n + u] = offer;
    a_h[2 * n + u] = offer * r[u];
    return d * z[u];
  });
  return { dx: back(W, a), dh: back(U, a_h).map((d, u) => d + kept[u]) };
}

export { gru_back, lstm_back, rnn_back };
