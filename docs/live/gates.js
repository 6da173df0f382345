// A cell with gates, to be held and fed: all steps on a map at the left, one of
// them opened at the right, in the page's own drawing of the cell, which is the
// still picture. lstm-cell.js and its like say what differs from cell to cell.
import { dense, embedding } from "./cells.js";
import { Explorer, choice, el, number, say } from "./frame.js";
import { load } from "./npz.js";

const LEFT = 38; // of the map, for the names of its rows
const STEP = 44; // from step to step: a finger
const TALL = 96; // the row of what is kept; any other is STEP high
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const COLUMNS = 8; // of the map, at most: steps seen at once
const LARGEST = 2; // value that may be put in

const isOpen = (gate) => gate > 0.95;
const isShut = (gate) => gate < 0.05;
const isNothing = (value) => Math.abs(value) < 0.005;

// Room is short: −.66 for −0.66.
const short = (value, digits) => number(value, digits).replace("−0.", "−.");

// The parts of the map, as text: the browser reads a drawing faster than a
// script can make one.
const line = (d, role, more = "") =>
  `<path d="${d}" fill="none" stroke="var(--q-${role})" stroke-width="2.5" ${more}/>`;
const word = (x, y, text, fill = "var(--ink)", more = "") =>
  `<text class="code" x="${x}" y="${y}" text-anchor="middle" fill="${fill}" ${more}>${text}</text>`;

// Two bars, as far apart as the gate is open; or one across.
const sign = (gate, held) => {
  const d = isShut(gate) ? "M-9 0h18" : `M${-7 * gate} -9v18M${7 * gate} -9v18`;
  const [ground, bars] = held ? ["q-gate", "paper"] : ["paper", "q-gate"];
  return (
    `<rect x="-16" y="-16" width="32" height="32" rx="5" fill="var(--${ground})"/>` +
    `<path d="${d}" stroke="var(--${bars})" stroke-width="3" stroke-linecap="round"/>`
  );
};

// A negative number within a sum or a product.
const within = (value, digits) =>
  value < 0 ? `(${number(value, digits)})` : number(value, digits);

// Of gates that are all open or shut, one can say what they do.
const isClear = (...gates) => gates.every((gate) => isOpen(gate) || isShut(gate));
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

// Places beside the two arrows into each box, and in it: {f: [x, part]}.
const feeds = (boxes) =>
  Object.fromEntries(
    Object.entries(boxes).flatMap(([block, [x, part]]) => [
      [`x_${block}`, [x - 13, 285, "end", "q-input", part]],
      [`h_${block}`, [x + 13, 246, "start", "q-state", part]],
      [`a_${block}`, [x, 209, "middle", "ink", part]],
    ]),
  );

// Python.
const list = (row) => `[${[...row].map((v) => Number(v.toPrecision(7))).join(", ")}]`;
const matrix = (a, width) => {
  const rows = Array.from({ length: a.length / width }, (_, k) => [...embedding(k, a, width)]);
  return `np.array([\n${rows.map((row) => `    ${list(row)},\n`).join("")}])`;
};

class Gates extends Explorer {
  // What differs: blocks of W, U and b; rows of the map, from above; gates
  // {f: "forget"}, each the name of its part of the drawing; kept, the row of
  // what lasts, keeps, its gate, and its colour; parts {forget: "f"} of the
  // drawing; units; inputs, a value and flags; first, the step shown at first;
  // places of numbers in the drawing {f: [x, y, anchor, role, part]};
  // step(x, before, hold, t) with xW and hU; lines(t), shown(s), formulas(s),
  // sentence(s) and loop, the steps in Python. What is fed is one file's x, of
  // values and flags; who feeds another thing has its own feed(), fed(s),
  // cell(), extra(), readExtra(text) and fedPython().

  left = 0; // the first step of the map
  keys = say`Enter changes a gate or a flag, plus and minus a value.`;

  async load(progress) {
    this.weights = await load(this.model, progress);
  }

  build(body) {
    this.time = this.timeline(say`Step`, 1200, () => this.moved());
    // Fewer where eight would be too small for a finger.
    this.columns = Math.min(COLUMNS, Math.floor((this.clientWidth - LEFT) / STEP));
    this.map = this.#map();
    this.view = this.#view();
    this.equation = el("p.live-equation");
    const hold = Object.entries(this.gates).map(([gate, name]) =>
      choice(say`${say(name)} gate`, [["_", say`computed`], ["1", say`open`], ["0", say`shut`]], (value) => {
        this.hold[gate].fill(value);
        this.ran();
      }),
    );
    const hasChoice = this.units.length > 1;
    this.choices = {
      hold,
      unit: choice(say`Unit`, this.units.map((name, u) => [u, name]), (unit) => {
        this.unit = Number(unit);
        this.ran();
      }),
      lit: choice(say`Light`, Object.entries(this.parts).map(([part, sign]) => [part, say(sign)]), (part) => {
        this.lit = part;
        this.moved();
      }),
    };
    body.append(
      el("div.live-gates", {}, this.map, this.view, this.time.node, this.say),
      this.equation,
      el("div.live-choices", {}, this.choices.lit, hasChoice ? this.choices.unit : ""),
      el("p", {}, say`Hold a gate at every step, or press its sign at one:`),
      el("div.live-choices.live-holds", {}, ...hold),
    );
  }

  start() {
    this.feed();
    const free = Object.keys(this.gates).map((gate) => [gate, Array(this.length).fill("_")]);
    this.#set({ at: this.first, unit: 0, hold: Object.fromEntries(free), lit: "whole" });
  }

  feed() {
    this.x = this.weights.x.slice();
    [this.length, this.features] = this.weights.x.shape;
  }

  #set({ at, ...state }) {
    this.time.stop();
    this.time.count = this.length;
    this.time.at = at;
    Object.assign(this, state, { row: Object.keys(this.gates)[0] });
    this.run();
  }

  // 3~0~________-________-________, then what is lit, if not the whole, and
  // what is fed, if it is not as recorded.
  write() {
    const hold = Object.values(this.hold).map((steps) => steps.join("")).join("-");
    const lit = this.lit === "whole" ? "" : this.lit;
    return [this.time.at + 1, this.unit, hold, lit, this.extra()].filter((s) => s !== "").join("~");
  }

  read(text) {
    const found = /^([1-9]\d?)~(\d)~([01_-]+)(?:~([a-z][a-z-]*))?(?:~([-.\d]+))?$/.exec(text);
    if (!found) return false;
    this.feed();
    const [at, unit, lit] = [found[1] - 1, Number(found[2]), found[4] ?? "whole"];
    const names = Object.keys(this.gates);
    const holds = found[3].split("-");
    if (holds.length !== names.length || holds.some((steps) => steps.length !== this.length))
      return false;
    if (at >= this.length || unit >= this.units.length || !Object.hasOwn(this.parts, lit))
      return false;
    if (found[5] && !this.readExtra(found[5])) return false;
    const hold = Object.fromEntries(holds.map((steps, k) => [names[k], [...steps]]));
    this.#set({ at, unit, hold, lit });
    return true;
  }

  // Of each step the value, as tenths from -LARGEST, and the flags.
  extra() {
    if (this.x.every((v, k) => v === this.weights.x[k])) return "";
    const tenths = (v) => Math.round(10 * (v + LARGEST));
    return Array.from(this.x, (v, k) => (k % this.features ? v : tenths(v))).join(".");
  }

  readExtra(text) {
    const fed = text.split(".");
    const fits = (v, k) => /^\d+$/.test(v) && v <= (k % this.features ? 1 : 20 * LARGEST);
    if (fed.length !== this.x.length || !fed.every(fits)) return false;
    this.x = Float32Array.from(fed, (v, k) => (k % this.features ? v : v / 10 - LARGEST));
    return true;
  }

  run() {
    const { U } = this.weights;
    let state = { h: new Float32Array(U.shape[0]), c: new Float32Array(U.shape[0]) };
    this.steps = Array.from({ length: this.length }, (_, t) => {
      state = this.take(embedding(t, this.x, this.features), state, t);
      return state;
    });
    this.draw();
  }

  // Step t, with gates held.
  take(x, before, t) {
    const free = {};
    const hold = (gates) => {
      for (const gate in this.hold) {
        free[gate] = gates[gate][this.unit];
        if (this.isHeld(gate, t)) gates[gate][this.unit] = Number(this.holds(gate, t));
      }
      return gates;
    };
    return { ...this.step(x, before, hold, t), x, before, free };
  }

  // x @ W, h @ U and b of a block, for the shown unit.
  sums(block, s) {
    const k = this.blocks.indexOf(block) * this.units.length + this.unit;
    return [s.xW[k], s.hU[k], this.weights.b[k]];
  }

  // The same as text: 0.3 + 0.5 + 0.0.
  sum(block, s) {
    return this.sums(block, s).map((v) => within(v, 1)).join(" + ");
  }

  gateFormula(gate, s) {
    const value = number(s[gate][this.unit]);
    if (this.isHeld(gate, this.time.at)) return say`${gate} = ${value}, held`;
    return `${gate} = σ(x W + h U + b) = σ(${this.sum(gate, s)}) = ${value}`;
  }

  // a @ W of all blocks.
  product(a, W) {
    return dense(a, W, new Float32Array(this.weights.b.length));
  }

  ran() {
    this.run();
    this.changed();
  }

  moved() {
    this.draw();
    this.changed();
  }

  // "_" computed, "1" open, "0" shut; a step to come is as all others are.
  holds(gate, t) {
    return this.hold[gate][t] ?? (this.throughout(gate) || "_");
  }

  isHeld(gate, t) {
    return this.holds(gate, t) !== "_";
  }

  throughout(gate) {
    const [first, ...rest] = this.hold[gate];
    return rest.every((value) => value === first) ? first : "";
  }

  // Of the shown unit at step t.
  at(name, t = this.time.at) {
    return this.steps[t][name][this.unit];
  }

  // First the other way round than computed, then as computed, then free.
  turn(gate, t) {
    const steps = this.hold[gate];
    const other = this.steps[t].free[gate] < 0.5 ? "1" : "0";
    if (steps[t] === "_") steps[t] = other;
    else steps[t] = steps[t] === other ? String(1 - other) : "_";
  }

  // ---- the map

  get valueCells() {
    return `[data-row="${this.inputs[0]}"]`;
  }

  #map() {
    this.cells = [];
    this.ground = el("svg:g");
    const rows = this.rows.map((row) => {
      const node = el("svg:g", { role: "row" });
      const y = this.top(row);
      const name = el("svg:text", { role: "rowheader", x: 2, y: this.middle(row) + 5 });
      name.append(row === this.inputs[0] ? "x" : row);
      node.append(name);
      for (let column = 0; column < this.columns; column++) {
        const drawn = el("svg:g");
        const hit = el("svg:rect.live-hit", {
          x: LEFT + STEP * column, y, width: STEP, height: this.height(row),
        });
        const where = { role: "gridcell", tabindex: -1, "data-row": row };
        const cell = el("svg:g", where, hit, drawn);
        this.cells.push({ cell, drawn, row, column });
        node.append(cell);
      }
      return node;
    });
    const height = this.top(null);
    const width = LEFT + STEP * this.columns;
    this.now = el("svg:rect.live-now", { y: 1, width: STEP - 2, height: height - 2, rx: 5 });
    const help = say`The steps. Arrows: left and right the step, up and down the row. ` + this.keys;
    const viewBox = `0 0 ${width} ${height}`;
    const map = el("svg:svg.live-map", { viewBox, role: "grid", "aria-label": help });
    map.append(this.now, this.ground, ...rows);
    map.addEventListener("keydown", (event) => this.#key(event));
    map.addEventListener("click", ({ target }) => {
      const cell = target.closest("[data-row]");
      if (cell && !this.dragged) this.#press(cell);
    });
    map.addEventListener("pointerdown", (event) => this.#drag(event));
    // Chromium heeds no touch-action within a drawing.
    const still = (event) => event.target.closest(this.valueCells) && event.preventDefault();
    map.addEventListener("touchmove", still, { passive: false });
    return map;
  }

  height(row) {
    return row === this.kept ? TALL : STEP;
  }

  top(row) {
    let y = 0;
    for (const other of this.rows) {
      if (other === row) break;
      y += this.height(other);
    }
    return y;
  }

  middle(row) {
    return this.top(row) + this.height(row) / 2;
  }

  column(t) {
    return LEFT + STEP * (t - this.left + 0.5);
  }

  // The steps that the map shows; before and behind the present one, another.
  get window() {
    const end = Math.min(this.length, this.left + this.columns);
    return Array.from({ length: end - this.left }, (_, k) => this.left + k);
  }

  #follow() {
    const { at } = this.time;
    const near = Math.max(at + 2 - this.columns, Math.min(at - 1, this.left));
    this.left = Math.max(0, Math.min(near, this.length - this.columns));
  }

  #press(cell) {
    const { row } = cell.dataset;
    const t = Number(cell.dataset.t);
    this.row = row;
    const flag = this.inputs.indexOf(row);
    if (row in this.gates) this.turn(row, t);
    else if (flag > 0) this.x[t * this.features + flag] = 1 - this.x[t * this.features + flag];
    this.time.stop();
    this.time.at = t;
    this.ran();
    this.#focus();
  }

  #key(event) {
    const move = MOVES[event.key];
    const sign = { "+": 1, "=": 1, "-": -1, "−": -1 }[event.key];
    const { at } = this.time;
    const last = this.length - 1;
    if (move) {
      const row = this.rows.indexOf(this.row) + move[0];
      this.row = this.rows[Math.max(0, Math.min(this.rows.length - 1, row))];
      this.time.go(at + move[1]);
    } else if (event.key === "Home" || event.key === "End") {
      this.time.go(event.key === "Home" ? 0 : last);
    } else if (event.key === "Enter" || event.key === " ") {
      this.#press(document.activeElement);
    } else if (sign && this.row === this.inputs[0]) {
      this.#put(at, this.x[at * this.features] + sign / 10);
    } else return;
    event.preventDefault();
    this.#focus();
  }

  #put(t, value) {
    const near = Math.max(-LARGEST, Math.min(LARGEST, Math.round(10 * value) / 10));
    this.x[t * this.features] = near;
    this.ran();
  }

  // A value follows the pointer, up and down.
  #drag({ target, clientY, pointerId }) {
    this.dragged = false;
    const cell = target.closest(this.valueCells);
    if (!cell) return;
    const t = Number(cell.dataset.t);
    const first = this.x[t * this.features];
    cell.setPointerCapture(pointerId);
    const move = (event) => {
      const tenths = Math.round((clientY - event.clientY) / 6);
      if (!tenths && !this.dragged) return;
      this.dragged = true;
      this.row = cell.dataset.row;
      this.time.stop();
      this.time.at = t;
      this.#put(t, first + tenths / 10);
    };
    cell.addEventListener("pointermove", move);
    const end = () => cell.removeEventListener("pointermove", move);
    cell.addEventListener("lostpointercapture", end, { once: true });
  }

  #focus() {
    this.map.querySelector("[tabindex='0']").focus({ preventScroll: true });
  }

  #drawMap() {
    this.#follow();
    this.now.setAttribute("x", this.column(this.time.at) - STEP / 2 + 1);
    this.ground.innerHTML = this.window.map((t) => this.lines(t)).join("");
    for (const { cell, drawn, row, column } of this.cells) {
      const t = this.left + column;
      cell.setAttribute("tabindex", row === this.row && t === this.time.at ? 0 : -1);
      cell.setAttribute("display", t < this.length ? "inline" : "none");
      if (t >= this.length) continue;
      const [markup, label] = this.cell(row, t, this.column(t), this.middle(row));
      cell.dataset.t = t;
      drawn.innerHTML = markup;
      cell.setAttribute("aria-label", say`Step ${t + 1}, ${label}`);
    }
  }

  // What stands in a cell of the map, and what is said of it.
  cell(row, t, x, y) {
    if (row in this.gates) {
      const held = this.isHeld(row, t);
      const gate = this.at(row, t);
      const label = say`${say(this.gates[row])} gate` + ` ${number(gate)}${held ? say`, held` : ""}`;
      return [`<g transform="translate(${x} ${y})">${sign(gate, held)}</g>`, label];
    }
    const feature = this.inputs.indexOf(row);
    if (feature < 0) {
      const label = `${row} ${number(this.at(row, t))}`;
      return [row === this.kept ? this.#band(t, x, y) : this.#shown(row, t, x, y), label];
    }
    const value = this.x[t * this.features + feature];
    const colour = "var(--q-input)";
    if (feature) {
      const mark =
        `<rect x="${x - 8}" y="${y - 8}" width="16" height="16" rx="2" stroke-width="1.5" ` +
        (value ? `fill="${colour}" stroke="${colour}"/>` : `fill="none" stroke="var(--ink-3)"/>`);
      return [mark, `${row} ${value ? say`on` : say`off`}`];
    }
    const filled = this.x[t * this.features + 1] > 0;
    const [ground, ink] = filled ? [colour, "var(--paper)"] : ["var(--paper)", "var(--ink)"];
    const box =
      `<rect x="${x - 19}" y="${y - 15}" width="38" height="30" rx="5" ` +
      `fill="${ground}" stroke="${colour}" stroke-width="2"/>`;
    return [box + word(x, y + 5, short(value, 1), ink), `${this.inputs[0]} ${number(value, 1)}`];
  }

  #shown(row, t, x, y) {
    const value = this.at(row, t);
    if (isNothing(value)) return word(x, y + 5, "0", "var(--ink-3)");
    const ring =
      `<circle cx="${x}" cy="${y}" r="20" fill="var(--paper)" ` +
      `stroke="var(--q-state)" stroke-width="2.5"/>`;
    return ring + word(x, y + 5, short(value));
  }

  // As thick as the value is large; hollow below zero. Where the gate lets
  // less than all of the old value pass, bars close in on it.
  #band(t, x, y) {
    const value = this.at(this.kept, t);
    const keeps = this.at(this.keeps, t);
    const thick = this.thick(t);
    const colour = `var(--q-${this.colour})`;
    const wide = t + 1 < this.length ? STEP : STEP / 2;
    let drawn =
      `<rect x="${x}" y="${y + 6 - thick / 2}" width="${wide}" height="${thick}" ` +
      `fill="${value < 0 ? "var(--paper)" : colour}" stroke="${colour}"/>`;
    if (!isOpen(keeps)) {
      const reach = isShut(keeps) ? 0 : 4 + 26 * keeps;
      const d = `M${x} ${y - 26}V${y + 6 - reach}M${x} ${y + 38}V${y + 6 + reach}`;
      drawn += `<path d="${d}" stroke="var(--q-gate)" stroke-width="3" stroke-linecap="round"/>`;
    }
    return drawn + word(x, y - 33, short(value), colour, 'font-weight="600"');
  }

  thick(t) {
    return Math.max(1.5, 36 * Math.min(2, Math.abs(this.at(this.kept, t))));
  }

  // ---- one step, in the drawing of the page

  #view() {
    const picture = this.still.find((node) => node.nodeType === Node.ELEMENT_NODE).cloneNode(true);
    picture.className = "live-view";
    for (const name of ["role", "aria-label"]) picture.removeAttribute(name);
    picture.setAttribute("aria-hidden", true); // the map and the sentence say it
    const part = (name) => picture.querySelector(`svg > g[class="${name}"]`);
    this.boxes = Object.entries(this.gates).map(([gate, name]) => {
      const box = part(name).querySelector("rect");
      const [x, y] = ["x", "y"].map((key) => Number(box.getAttribute(key)));
      const hit = el("svg:rect.live-hit", { x: x - 10, y: y - 8, width: 64, height: 50 });
      hit.addEventListener("click", () => {
        this.turn(gate, this.time.at);
        this.row = gate;
        this.ran();
      });
      part(name).append(hit);
      return [gate, box];
    });
    // The function moves up in its box; below it comes the sum.
    for (const text of picture.querySelectorAll('g:not([class*=" "]) > rect + text'))
      text.classList.add("live-function");
    this.texts = Object.entries(this.places).map(([key, [x, y, anchor, role, name]]) => {
      const text = el("svg:text.code", { x, y, "text-anchor": anchor, fill: `var(--${role})` });
      (part(name) ?? picture.querySelector(`svg > .${name}`)).append(text);
      return [key, text];
    });
    return picture;
  }

  // The text of each place, at step s.
  numbers(s) {
    const numbers = { x: this.fed(s) };
    for (const [key, value] of Object.entries(this.shown(s))) numbers[key] = number(value);
    for (const block of this.blocks) {
      const [x, h, b] = this.sums(block, s);
      const held = block in this.gates && this.isHeld(block, this.time.at);
      numbers[`x_${block}`] = number(x, 1);
      numbers[`h_${block}`] = number(h, 1);
      numbers[`a_${block}`] = held ? say`held` : number(x + h + b, 1);
    }
    return numbers;
  }

  fed(s) {
    return this.inputs.map((name, k) => `${name} ${number(s.x[k], k ? 0 : 1)}`).join("  ");
  }

  #drawView() {
    const numbers = this.numbers(this.steps[this.time.at]);
    for (const [key, text] of this.texts) text.textContent = numbers[key];
    for (const [gate, box] of this.boxes)
      box.parentNode.classList.toggle("live-held", this.isHeld(gate, this.time.at));
    if (this.lit === "whole") delete this.view.dataset.lit;
    else this.view.dataset.lit = this.lit;
  }

  draw() {
    const s = this.steps[this.time.at];
    this.#drawMap();
    this.#drawView();
    this.equation.textContent = this.formulas(s)[this.lit];
    const how = [say`open`, say`shut`].map((word, shut) => {
      const held = Object.keys(this.gates).filter(
        (gate) => this.isHeld(gate, this.time.at) && s[gate][this.unit] === 1 - shut,
      );
      const names = held.map((gate) => say(this.gates[gate])).join(say` and `);
      return names && say`, ${names} gate held ${word}`;
    });
    const sentence = say`Step ${this.time.at + 1}${how.join("")}: ${this.says(s)}.`;
    this.time.tell(sentence);
    this.tell(sentence);
    Object.keys(this.hold).forEach((gate, k) => {
      this.choices.hold[k].value = this.throughout(gate);
    });
    this.choices.unit.value = this.unit;
    this.choices.lit.value = this.lit;
  }

  says(s) {
    return say`the ${this.units[this.unit]} ${this.sentence(s)}`;
  }

  holdPython(gate) {
    return `"${this.hold[gate].join("")}"`;
  }

  fedPython() {
    return `# ${this.inputs.join(", ")}
sequence = ${matrix(this.x, this.features)}`;
  }

  python() {
    const { W, U, b } = this.weights;
    const hold = Object.keys(this.hold).map((gate) => `    "${gate}": ${this.holdPython(gate)},\n`);
    return `import numpy as np

# The blocks stand in Keras's order: ${this.blocks.join(", ")}.
W = ${matrix(W, b.length)}
U = ${matrix(U, b.length)}
b = np.array(${list(b)})
${this.fedPython()}
unit = ${this.unit}  # the ${this.units[this.unit]}
# Of each step: _ computed, 1 held open, 0 held shut.
hold = {
${hold.join("")}}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


${this.loop}`;
  }
}

export { Gates, feeds, isClear, isNothing, isOpen, isShut, line, list, matrix, percent, short, within, word };
