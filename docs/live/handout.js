// What the reader takes along from the writer: a drawing, and the Python that
// draws the same thing, from the same dice.
import { UNIFORM } from "./dice.js";

const CREDIT = "Strokes learnt from KanjiVG, Ulrich Apel, CC BY-SA 3.0";
const INK = { mine: "#143f86", its: "#1a1d23" };

const svg = (lines) => {
  const strokes = Object.keys(INK).map((who) => `<path stroke="${INK[who]}" d="${lines[who]}"/>`).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 109 109" fill="none" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"><metadata>${CREDIT}</metadata>${strokes}</svg>\n`;
};

const python = ({ strokes, temperature, seed, way, wiped, limits }) => {
  const forget = wiped && strokes.length
    ? "h, c = read(np.zeros(units), np.zeros(units), *step)  # memory wiped\n" : "";
  return `import numpy as np

file = np.load("writer.npz")  # from the page Writing characters
W, U, b, D, d = (file[f"arr_{k}"].astype("float64") for k in range(5))
scale, units = float(file["scale"]), len(U)
temperature, seed = ${temperature}, ${seed} * 7919 + ${way}
strokes = ${JSON.stringify(strokes)}


${UNIFORM}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    powers = np.exp((a - a.max()) / temperature)
    return powers / powers.sum()


def read(h, c, dx, dy, pen):
    x = np.array([dx / scale, dy / scale, *np.eye(3)[pen]])
    i, f, c_tilde, o = np.split(x @ W + h @ U + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(c_tilde)
    return sigmoid(o) * np.tanh(c), c


def pick(parts):
    k = np.searchsorted(np.cumsum(parts), next(random), side="right")
    return min(int(k), len(parts) - 1)


random = uniform(seed)
h, c = read(np.zeros(units), np.zeros(units), 0, 0, 1)
x = y = 54.5
for stroke in strokes:
    for k, (x_new, y_new) in enumerate(stroke, 1):
        step = x_new - x, y_new - y, int(k == len(stroke))
        h, c = read(h, c, *step)
        x, y = x_new, y_new
${forget}
for _ in range(${limits.points}):
    out = h @ D + d
    weight, mx, my, sx, sy, slant = out[:60].reshape(6, 10)
    k = pick(softmax(weight))
    length = np.sqrt(-2 * np.log(1 - next(random)))
    angle = 2 * np.pi * next(random)
    a, e = length * np.cos(angle), length * np.sin(angle)
    r, wide = 0.95 * np.tanh(slant[k]), np.sqrt(temperature)
    sx, sy = (np.exp(np.clip(s[k], -6, 3)) * wide for s in (sx, sy))
    dx = (mx[k] + sx * a) * scale
    dy = (my[k] + sy * (r * a + np.sqrt(1 - r * r) * e)) * scale
    pen = pick(softmax(out[60:]))
    x, y = x + dx, y + dy
    print(f"{x:6.1f} {y:6.1f}  {['goes on', 'lifts', 'ends'][pen]}")
    if pen == 2 or max(-x, -y, x - 109, y - 109) > ${limits.outside}:
        break
    h, c = read(h, c, dx, dy, pen)
`;
};

export { python, svg };
