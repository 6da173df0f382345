// One unit over eight steps: x, W, U and b can be dragged, and what is left of
// the first input seen. It begins as the page does by hand.
import { rnn_step } from "./cells.js";
import { Explorer, button, el, number, say, slider } from "./frame.js";

const STEPS = 8;
const LATER = 2000; // steps with zeros, until the state is what it stays
const MOST = { W: 2, U: 2, b: 1 };
const STEP = 44; // from step to step: a finger
const LEFT = 2;
const WIDE = 390;
const TANK = 30; // its width
const H = 78; // the height at which h is 0
const X = 224; // and x
const UNIT = { h: 48, x: 36 }; // as high is a 1
const MOVES = { ArrowLeft: -1, ArrowRight: 1 };
const CHANGES = { ArrowUp: 1, "+": 1, "=": 1, ArrowDown: -1, "-": -1, "−": -1 };

const column = (t) => LEFT + STEP * (t + 0.5);
const tenths = (value) => Math.round(10 * value) / 10;
const between = (value, most) => Math.max(-most, Math.min(most, value));
// Room is short: −.66 for −0.66, and 1 for 1.0.
const short = (value, digits) => number(value, digits).replace("0.", ".").replace(/\.0+$/, "") || "0";
const within = (value, digits) => (value < 0 ? `(${number(value, digits)})` : number(value, digits));
const whole = (value) => within(value, Number.isInteger(value) ? 0 : 1);

// The states of every step.
function states(x, { W, U, b }) {
  const one = (value) => Float32Array.of(value);
  let h = one(0);
  return x.map((value) => (h = rnn_step(one(value), h, one(W), one(U), one(b)))[0]);
}

// A bar from zero, in its tank.
function tank(x, zero, value, unit, role) {
  const high = Math.max(1.5, Math.abs(value) * unit);
  const round = role === "state" ? 9 : 2;
  const frame = `x="${x - TANK / 2}" y="${zero - unit - 3}" width="${TANK}" height="${2 * unit + 6}" rx="${round}"`;
  return (
    `<rect ${frame} fill="var(--paper)" stroke="var(--q-${role})" stroke-width="2"/>` +
    `<rect x="${x - TANK / 2 + 4}" y="${value < 0 ? zero : zero - high}" width="${TANK - 8}" height="${high}" ` +
    `rx="${Math.min(round / 2, high / 2)}" fill="var(--q-${role})"/>`
  );
}

// As thick as the weight is large; hollow below zero.
function arrow(from, to, y, weight, role, upright) {
  const half = Math.abs(weight) * 3;
  const head = to - Math.sign(to - from) * 6;
  const wing = Math.max(5, half + 3);
  const points = [[from, -half], [head, -half], [head, -wing], [to, 0], [head, wing], [head, half], [from, half]];
  const path = points.map(([along, across]) => (upright ? `${y + across} ${along}` : `${along} ${y + across}`));
  const fill = weight < 0 ? "var(--paper)" : `var(--q-${role})`;
  const faint = weight ? "" : 'stroke-dasharray="1 3"';
  return `<path d="M${path.join("L")}Z" fill="${fill}" stroke="var(--q-${role})" stroke-width="1.2" ${faint}/>`;
}

const word = (x, y, text, fill = "var(--ink)") =>
  `<text x="${x}" y="${y}" fill="${fill}" class="code" text-anchor="middle">${text}</text>`;

class UnrollRnn extends Explorer {
  word = "unroll";
  what = say`SimpleRNN(1), eight steps`;

  async load() {}

  build(body) {
    this.time = this.timeline(say`Step`, 700, () => this.ran());
    this.time.count = STEPS;
    this.sliders = Object.entries(MOST).map(([name, most]) =>
      slider(name, { min: -most, max: most, step: 0.1 }, (value) => {
        this.weights[name] = value;
        this.ran();
      }),
    );
    this.sum = el("p.live-equation");
    const turn = button(say`Reverse the inputs`, () => {
      this.x.reverse();
      this.time.go(STEPS - 1);
    });
    body.append(
      el("div.live-beside", {}, this.#picture(), this.time.node, this.say, this.sum,
        el("div.live-sliders", {}, ...this.sliders, turn, el("p", {}, say`The inputs can be dragged, too.`))),
    );
  }

  start() {
    this.#set({ at: STEPS - 1, W: 1, U: 0.5, b: 0, x: [1, ...Array(STEPS - 1).fill(0)] });
  }

  #set({ at, x, ...weights }) {
    this.time.stop();
    this.time.at = at;
    Object.assign(this, { x, weights, walked: 0 });
    this.draw();
  }

  // 8~1~0.5~0~1_0_0_0_0_0_0_0: the step, W, U, b, and x.
  write() {
    const { W, U, b } = this.weights;
    return [this.time.at + 1, W, U, b, this.x.join("_")].join("~");
  }

  read(text) {
    const found = /^([1-8])~(-?\d(?:\.\d)?)~(-?\d(?:\.\d)?)~(-?\d(?:\.\d)?)~(-?\d(?:\.\d)?(?:_-?\d(?:\.\d)?){7})$/.exec(text);
    if (!found) return false;
    const [W, U, b] = found.slice(2, 5).map(Number);
    const x = found[5].split("_").map(Number);
    const fits = Math.abs(W) <= MOST.W && Math.abs(U) <= MOST.U && Math.abs(b) <= MOST.b;
    if (!fits || x.some((value) => Math.abs(value) > 1)) return false;
    this.#set({ at: found[1] - 1, W, U, b, x });
    return true;
  }

  ran() {
    this.draw();
    this.changed();
  }

  // ---- the picture

  #picture() {
    this.drawn = el("svg:g", { "aria-hidden": true });
    this.inputs = Array.from({ length: STEPS }, (_, t) => {
      const hit = el("svg:rect.live-hit", {
        x: column(t) - STEP / 2, y: X - UNIT.x - 6, width: STEP, height: 2 * UNIT.x + 12,
      });
      return el("svg:g.live-input", {
        role: "slider", "aria-orientation": "vertical", "aria-valuemin": -1, "aria-valuemax": 1,
        "aria-label": say`Input at step ${t + 1}`,
      }, hit);
    });
    const group = el("svg:g", {
      role: "group", "aria-label": say`Inputs. Arrows: left and right the step, up and down its input.`,
    }, ...this.inputs);
    const picture = el("svg:svg.live-drawing", { viewBox: `0 0 ${WIDE} 302` }, this.drawn, group);
    group.addEventListener("keydown", (event) => this.#key(event));
    // A finger draws, and does not scroll.
    group.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    group.addEventListener("pointerdown", (event) => this.#drag(event, picture));
    return picture;
  }

  #put(t, value) {
    this.walked = t;
    this.x[t] = between(tenths(value), 1) || 0;
    this.ran();
  }

  #key(event) {
    const { key } = event;
    if (key in MOVES) this.walked = Math.max(0, Math.min(STEPS - 1, this.walked + MOVES[key]));
    else if (key in CHANGES) this.#put(this.walked, this.x[this.walked] + CHANGES[key] / 10);
    else if (key === "Home" || key === "End") this.#put(this.walked, key === "Home" ? -1 : 1);
    else return;
    event.preventDefault();
    this.draw();
    this.inputs[this.walked].focus({ preventScroll: true });
  }

  // The bars follow the pointer, also from step to step.
  #drag(event, picture) {
    const group = event.currentTarget;
    group.setPointerCapture(event.pointerId);
    const move = ({ clientX, clientY }) => {
      const at = new DOMPoint(clientX, clientY).matrixTransform(picture.getScreenCTM().inverse());
      const t = Math.floor((at.x - LEFT) / STEP);
      if (t >= 0 && t < STEPS) this.#put(t, (X - at.y) / UNIT.x);
    };
    this.time.stop();
    move(event);
    group.addEventListener("pointermove", move);
    group.addEventListener("lostpointercapture", () => group.removeEventListener("pointermove", move), { once: true });
  }

  #draw(h, later) {
    const { W, U } = this.weights;
    const { at } = this.time;
    const parts = h.map((value, t) => {
      const x = column(t);
      const next = t + 1 < STEPS ? x + STEP - TANK / 2 : x + STEP - 9;
      return (
        `<g ${t > at ? 'opacity="0.25"' : ""}>` +
        tank(x, H, value, UNIT.h, "state") + word(x, 18, short(value, 2)) +
        arrow(X - UNIT.x - 5, H + UNIT.h + 6, x, W, "input", true) + word(x + 11, 170, "W", "var(--q-input)") +
        "</g>" +
        `<g ${t >= at ? 'opacity="0.25"' : ""}>${arrow(x + TANK / 2 + 1, next - 1, H, U, "state")}` +
        `${word((x + TANK / 2 + next) / 2, H - 14, "U", "var(--q-state)")}</g>` +
        tank(x, X, this.x[t], UNIT.x, "input") + word(x, 282, short(this.x[t], 1))
      );
    });
    // At the right, narrow: what it is after zeros for ever.
    const x = column(STEPS) - 1;
    const marks = later.map((value) => {
      const y = H - value * UNIT.h;
      return `<path d="M${x - 8} ${y}h16" stroke="var(--q-state)" stroke-width="4"/>`;
    });
    parts.push(
      `<rect x="${x - 8}" y="${H - UNIT.h - 3}" width="16" height="${2 * UNIT.h + 6}" rx="8" fill="none" ` +
        'stroke="var(--q-state)" stroke-width="1.5" stroke-dasharray="3 3"/>',
      ...marks, word(x, 18, "∞"),
      `<rect class="live-now" x="${column(at) - 18}" y="1" width="36" height="300" rx="5"/>`,
    );
    this.drawn.innerHTML = parts.join("");
  }

  draw() {
    const { W, U, b } = this.weights;
    const { at } = this.time;
    const h = (this.h = states(this.x, this.weights));
    const zeros = Array(LATER).fill(0);
    const rest = states([...this.x.slice(0, at + 1), ...zeros], this.weights).slice(-2);
    this.#draw(h, rest);
    this.inputs.forEach((input, t) => {
      input.setAttribute("tabindex", t === this.walked ? 0 : -1);
      input.setAttribute("aria-valuenow", this.x[t]);
      input.setAttribute("aria-valuetext", say`${number(this.x[t], 1)}; state ${number(h[t], 3)}`);
    });
    Object.values(this.weights).forEach((value, k) => (this.sliders[k].value = value));
    const before = at ? h[at - 1] : 0;
    const total = this.x[at] * W + before * U + b;
    this.sum.textContent =
      "h = tanh(x W + h U + b)\n  = " +
      `tanh(${whole(this.x[at])} · ${whole(W)} + ${within(before, 3)} · ${whole(U)} + ${whole(b)})\n` +
      `  = tanh(${number(total, 3)}) = ${number(h[at], 3)}`;
    const reversed = states(this.x.toReversed(), this.weights).at(-1);
    const other = say`, reversed ${number(reversed, 3)}`;
    const so = say`Step ${at + 1}: the state is ${number(h[at], 3)}${at + 1 === STEPS ? other : ""}. `;
    const sentence = so + say`Then only zeros: ${this.#fate(h[at], rest)}.`;
    this.time.tell(sentence);
    this.tell(sentence);
  }

  // What becomes of a state after so many zeros; rest are its last.
  #fate(now, [before, last]) {
    const { U, b } = this.weights;
    const turns = U < 0 ? say`, changing its sign` : "";
    if (!now && !b) return say`it stays 0`;
    if (Math.abs(U) === 1 && !b) return say`it fades ever more slowly${turns}`;
    if (Math.abs(last - before) > 1e-4) return say`it jumps between ${number(before)} and ${number(last)} for ever`;
    if (Math.abs(last) > 5e-4) return say`it settles at ${number(last)} and stays for ever`;
    if (!U) return say`it is gone at once`;
    return say`it fades, soon to ${number(Math.abs(U), 1)} at each step${turns}`;
  }

  python() {
    const { W, U, b } = this.weights;
    return `import numpy as np

W, U, b = ${W}, ${U}, ${b}
sequence = [${this.x.join(", ")}]


def last(sequence, show=False):
    h = 0.0  # the state before the first step
    for t, x in enumerate(sequence, 1):
        h = np.tanh(x * W + h * U + b)
        if show:
            print(f"step {t}, input {x:4}: {h:6.3f}")
    return h


last(sequence, show=True)
print(f"reversed        : {last(sequence[::-1]):6.3f}")
for zeros in (${LATER - 1}, ${LATER}):
    h = last(sequence[:${this.time.at + 1}] + zeros * [0])
    print(f"step ${this.time.at + 1}, then {zeros} zeros: {h:6.3f}")
`;
  }
}

customElements.define("unroll-rnn", UnrollRnn);
