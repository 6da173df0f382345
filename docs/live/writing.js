// A network that writes: from one point to a mixture of places for the next.
// Weights and words are those of the page Writing characters.
import { dense, lstm_step, softmax } from "./cells.js";
import { pick } from "./dice.js";

const SHEET = 109;
const CENTRE = 54.5;
const [GOES_ON, LIFTS, ENDS] = [0, 1, 2];

class Writer {
  constructor(file, probe) {
    const { arr_0: W, arr_1: U, arr_2: b, arr_3: D, arr_4: d, scale } = file;
    Object.assign(this, { W, U, b, D, d, probe, scale: scale[0], units: b.length / 4 });
  }

  get size() {
    return [this.W, this.U, this.b, this.D, this.d].reduce((n, part) => n + part.length, 0);
  }

  nothing() {
    return { h: new Float32Array(this.units), c: new Float32Array(this.units) };
  }

  // Reads how far the pen went and what it did; says what it expects.
  read({ h, c }, [dx, dy, pen]) {
    const x = Float32Array.of(dx / this.scale, dy / this.scale, 0, 0, 0);
    x[2 + pen] = 1;
    const state = lstm_step(x, h, c, this.W, this.U, this.b);
    return { h: state.h, c: state.c, out: dense(state.h, this.D, this.d) };
  }

  // Ten ellipses and the pen's chances, in units of the sheet.
  mixture(out, temperature) {
    const six = Array.from({ length: 6 }, (_, k) => out.subarray(10 * k, 10 * k + 10));
    const [weight, mx, my, sx, sy, slant] = six;
    const wide = (s) => Math.exp(Math.max(-6, Math.min(3, s))) * Math.sqrt(temperature) * this.scale;
    return {
      pen: softmax(out.subarray(60), temperature),
      parts: Array.from(softmax(weight, temperature), (share, k) => ({
        share, x: mx[k] * this.scale, y: my[k] * this.scale,
        sx: wide(sx[k]), sy: wide(sy[k]), r: 0.95 * Math.tanh(slant[k]),
      })),
    };
  }

  // What a point costs in nats: minus the log of its density and of its pen.
  cost(out, [dx, dy, pen]) {
    const { pen: chances, parts } = this.mixture(out, 1);
    const density = parts.reduce((sum, { share, x, y, sx, sy, r }) => {
      const [a, b] = [(dx - x) / sx, (dy - y) / sy];
      const square = (a * a + b * b - 2 * r * a * b) / (1 - r * r);
      return sum + (share * Math.exp(-square / 2)) / (2 * Math.PI * sx * sy * Math.sqrt(1 - r * r));
    }, 0);
    return -Math.log(Math.max(1e-300, density * this.scale ** 2)) - Math.log(chances[pen]);
  }

  // Nats a point of a stroke that begins after this step.
  costs(step, line) {
    const nats = line.reduce((sum, [x, y], k) => {
      const moved = [x - step.x, y - step.y, k === line.length - 1 ? LIFTS : GOES_ON];
      const more = this.cost(step.out, moved);
      step = { x, y, ...this.read(step, moved) };
      return sum + more;
    }, 0);
    return nats / line.length;
  }

  // A next point: four random numbers, always in this order.
  sample({ pen, parts }, random) {
    const p = parts[pick(parts.map(({ share }) => share), random())];
    const length = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    const [a, b] = [length * Math.cos(angle), length * Math.sin(angle)];
    const dy = p.y + p.sy * (p.r * a + Math.sqrt(1 - p.r * p.r) * b);
    return [p.x + p.sx * a, dy, pick(pen, random())];
  }

  // What a linear probe reads from c: across, down, strokes done, to go.
  believes({ c }) {
    return dense(c, this.probe.subarray(0, 4 * this.units), this.probe.subarray(4 * this.units));
  }
}

// Ramer, Douglas and Peucker: no point left out is further off than far.
function simplified(points, far) {
  const [[x, y], [x_end, y_end]] = [points[0], points.at(-1)];
  const [dx, dy] = [x_end - x, y_end - y];
  const length = Math.hypot(dx, dy);
  const off = points.map(([px, py]) =>
    length ? Math.abs(dx * (py - y) - dy * (px - x)) / length : Math.hypot(px - x, py - y),
  );
  const most = Math.max(...off);
  if (most < far) return [points[0], points.at(-1)];
  const at = off.indexOf(most);
  const head = simplified(points.slice(0, at + 1), far);
  return [...head.slice(0, -1), ...simplified(points.slice(at), far)];
}

// What a hand drew, as the points that the network reads: at least 1 apart,
// each the mean of three, simplified, in whole units.
function stroke(drawn) {
  const apart = [drawn[0]];
  for (const [x, y] of drawn) {
    const [px, py] = apart.at(-1);
    if (Math.hypot(x - px, y - py) >= 1) apart.push([x, y]);
  }
  const soft = apart.map((point, k) => {
    if (k === 0 || k === apart.length - 1) return point;
    return [0, 1].map((axis) => (apart[k - 1][axis] + point[axis] + apart[k + 1][axis]) / 3);
  });
  const whole = (v) => Math.round(Math.max(0, Math.min(SHEET, v)));
  return simplified(soft, 2.5).map((point) => point.map(whole));
}

// Strokes in an address: two digits to the base 36 a coordinate.
const packed = (strokes) =>
  strokes.map((s) => s.flat().map((v) => v.toString(36).padStart(2, "0")).join("")).join(".");

// Back again; null if the text is not of strokes on the sheet.
function unpacked(text) {
  if (!text) return [];
  if (!/^([0-3][0-9a-z]){4,240}(\.([0-3][0-9a-z]){4,240}){0,29}$/.test(text)) return null;
  const strokes = text.split(".").map((part) => part.match(/..../g).map((pair) =>
    [pair.slice(0, 2), pair.slice(2)].map((v) => parseInt(v, 36)),
  ));
  const whole = text.split(".").every((part) => part.length % 4 === 0);
  return whole && strokes.flat(2).every((v) => v <= SHEET) ? strokes : null;
}

export { CENTRE, ENDS, GOES_ON, LIFTS, SHEET, Writer, packed, stroke, unpacked };
