// Draw a stroke, and the network of the page Writing characters goes on.
import { uniform } from "./dice.js";
import { Explorer, button, calm, el, inFrames, say } from "./frame.js";
import { load } from "./npz.js";
import { CENTRE, ENDS, GOES_ON, LIFTS, SHEET, Writer, packed, stroke, unpacked } from "./writing.js";

const SIX = [..."ABCDEF"];
const MOST = { strokes: 30, points: 70 };
const OUTSIDE = 15; // units: there it is stopped; wiped, it may show where it goes
const FAR = 60;
const ODD = { nats: 4, gap: 3, strange: 10 }; // nats a point: what is remarked
const PAUSE = 700; // ms after a stroke: perhaps another comes
const HOLDS = [say`across`, say`down`, say`strokes`, say`to go`];
const TOP = [SHEET, SHEET, 20, 20];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const some = (n) => (n === 1 ? say`${n} stroke` : say`${n} strokes`);
const within = (v, low, high) => Math.max(low, Math.min(high, v));
const path = (points) => "M" + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");

class WriteCharacters extends Explorer {
  word = "write";
  mini = this.hasAttribute("mini");
  first = this.mini ? 0.4 : 0.25; // temperature

  async load(progress) {
    const beside = new URL("writing-characters.npz", this.model);
    const [weights, { probe, ...more }, handout] = await Promise.all([
      load(this.model, progress), load(beside), import("./handout.js"),
    ]);
    this.handout = handout;
    this.net = new Writer(weights, probe);
    this.what = say`LSTM(${this.net.units}), ${this.net.size.toLocaleString("en")} weights`;
    this.beginnings = Object.entries(more)
      .filter(([name]) => name.startsWith("begin_"))
      .map(([name, rows]) => [name.slice(6), this.#given(rows)]);
  }

  // Rows of x, y and a flag that ends a stroke.
  #given(rows) {
    const strokes = [[]];
    for (let k = 0; k < rows.length; k += 3) {
      strokes.at(-1).push([rows[k], rows[k + 1]]);
      if (rows[k + 2] && k + 3 < rows.length) strokes.push([]);
    }
    return strokes;
  }

  build(body) {
    this.sheet = el("svg:svg.write-sheet", {
      tabindex: 0, role: "application",
      "aria-label": say`Sheet: draw here. Arrow keys move the pen, space puts it down and lifts it, backspace takes a stroke back.`,
    });
    const layers = ["guess", "its", "mine", "points", "raw", "belief", "pen"];
    this.layers = Object.fromEntries(layers.map((name) => [name, el(`svg:g.write-${name}`)]));
    this.sheet.append(
      el("svg:rect.write-edge", { width: SHEET, height: SHEET }),
      el("svg:path.write-grid", { d: `M${CENTRE} 0V${SHEET}M0 ${CENTRE}H${SHEET}` }),
      ...Object.values(this.layers),
    );
    this.undo = button(say`Undo`, () => this.#set({ strokes: this.strokes.slice(0, -1) }));
    this.clear = button(say`Clear`, () => this.#set({ strokes: [] }));
    this.keep = button("", () => this.#keep());
    const save = button(say`Save SVG`, () => this.#save());
    const tools = el("div.write-tools", {}, this.undo, this.clear, this.keep, save);
    this.cards = SIX.map((letter, way) => this.#card(letter, way));
    const cards = el("div.write-cards", { role: "radiogroup", "aria-label": say`Six ways on` }, ...this.cards.map((c) => c.node));
    cards.addEventListener("keydown", (event) => this.#walk(event));
    this.heat = el("input", {
      type: "range", min: 0.05, max: 1, step: 0.05, "aria-label": say`Temperature`,
      oninput: () => this.#set({ temperature: Number(this.heat.value) }, false),
    });
    this.degrees = el("span");
    const others = button(say`Six others`, () => this.#set({ seed: (this.seed + 1) % 1e6 }));
    const heat = el("div.write-heat", {}, el("span", {}, say`Temperature`), this.heat, this.degrees);
    const begin = el("div.write-begin", {}, el("span", {}, say`Begin with`),
      ...this.beginnings.map(([part, strokes]) =>
        button(part, () => this.#set({ strokes }), { lang: "zh", "aria-label": say`Begin with ${part}` })));
    this.time = this.timeline(say`Point`, 70, () => this.#draw());
    this.wipe = button(say`Wipe its memory here`, () => this.#set({ wiped: !this.wiped }), { "aria-pressed": false });
    this.strip = el("svg:svg.write-strip", { viewBox: "0 0 660 112", "aria-hidden": true });
    this.strip.addEventListener("pointerdown", ({ offsetX }) => {
      const share = (offsetX / this.strip.clientWidth * 660 - 70) / 586;
      this.time.go(Math.round(within(share, 0, 1) * (this.#run.length - 1)));
    });
    const memory = el("div.write-memory", {},
      el("div", {}, el("span", {}, el("b", {}, say`What its memory holds`), say`, and what is so: the thin line`), this.wipe), this.strip);
    body.append(el("div.write-desk", {},
      el("div.write-left", {}, this.sheet, tools),
      el("div.write-right", {}, cards, heat, begin, others)), this.time.node, this.say, memory);
    this.#hand();
  }

  #card(letter, way) {
    const [mine, its, note] = [el("svg:path.write-mine"), el("svg:path.write-its"), el("span")];
    const picture = el("svg:svg", { "aria-hidden": true }, el("svg:rect.write-edge", { width: SHEET, height: SHEET }), mine, its);
    const node = button("", () => this.#choose(way), { role: "radio", class: "write-card" });
    node.append(picture, el("span", {}, el("b", {}, letter), " ", note));
    return { node, picture, mine, its, note };
  }

  // ---- state: strokes, temperature, seed, the chosen way, wiped or not
  start() {
    this.#go({ strokes: this.beginnings[0][1], temperature: this.first, seed: 1, way: 0, wiped: false });
  }

  write() {
    return [packed(this.strokes), this.temperature, this.seed, SIX[this.way] + (this.wiped ? "w" : "")].join("~");
  }

  read(text) {
    const [drawn, heat, seed, way] = /^([^~]*)~(0\.\d{1,2}|1)~(\d{1,6})~([A-F]w?)$/.exec(text)?.slice(1) ?? [];
    const strokes = unpacked(drawn);
    if (!way || !strokes || heat < 0.05) return false;
    this.#go({ strokes, temperature: Number(heat), seed: Number(seed), way: SIX.indexOf(way[0]), wiped: way.length > 1 });
    return true;
  }

  // Another state, by the reader.
  #set(state, slowly) {
    this.#go(state, slowly);
    this.changed();
  }

  // The network reads the strokes, and goes on six times.
  async #go(state, slowly = !calm.matches) {
    Object.assign(this, { drawing: null, pen: null }, state);
    this.time.stop();
    const job = (this.job = Symbol());
    this.#begin();
    const given = this.strokes.length ? say`${some(this.strokes.length)} of yours` : say`An empty sheet`;
    const opening = say`${given}. Pink: where it would go next.`;
    this.tell(opening);
    const pause = new Promise((resolve) => setTimeout(resolve, slowly ? PAUSE : 0));
    await inFrames(this.#ways(), () => this.job !== job);
    await inFrames(this.#judge(), () => this.job !== job);
    await pause;
    if (this.job !== job) return;
    this.time.count = Math.max(...this.runs.map((run) => run.length));
    const told = this.say.textContent; // since: that something is wrong
    if (slowly && told === opening) return this.time.play();
    this.time.go(this.time.count - 1);
    if (told !== opening) this.tell(told);
  }

  #begin() {
    const start = this.net.nothing();
    let step = { x: CENTRE, y: CENTRE, pen: LIFTS, ...this.net.read(start, [0, 0, LIFTS]) };
    const steps = [step];
    for (const line of this.strokes)
      line.forEach(([x, y], k) => {
        const moved = [x - step.x, y - step.y, k === line.length - 1 ? LIFTS : GOES_ON];
        const last = this.wiped && line === this.strokes.at(-1) && moved[2] === LIFTS;
        step = { x, y, pen: moved[2], ...this.net.read(last ? start : step, moved) };
        steps.push(step);
      });
    this.begun = steps.length;
    this.runs = SIX.map(() => [...steps]);
    this.odd = "";
    this.time.count = steps.length;
    this.time.go(steps.length - 1);
  }

  *#ways() {
    const outside = this.wiped ? FAR : OUTSIDE;
    const random = SIX.map((_, way) => uniform(this.seed * 7919 + way));
    for (let n = 0; n < MOST.points; n++)
      for (const [way, run] of this.runs.entries()) {
        const last = run.at(-1);
        if (run.end) continue;
        const moved = this.net.sample(this.net.mixture(last.out, this.temperature), random[way]);
        const [x, y] = [last.x + moved[0], last.y + moved[1]];
        run.push({ x, y, pen: moved[2], ...this.net.read(last, moved) });
        if (moved[2] === ENDS) run.end = "ended";
        else if (Math.max(-x, -y, x - SHEET, y - SHEET) > outside) run.end = "left sheet";
        else if (n === MOST.points - 1) run.end = "no end";
        yield;
      }
  }

  // Is a stroke of the reader's one that it would not expect?
  *#judge() {
    let begin = 0;
    for (const [k, line] of this.strokes.entries()) {
      const before = this.runs[0][begin];
      const nats = this.net.costs(before, line);
      yield;
      const other = this.net.costs(before, [...line].reverse());
      if (nats > ODD.nats && nats - other > ODD.gap)
        this.odd = say` It expects your stroke ${k + 1} the other way round.`;
      else if (nats > ODD.strange) this.odd = say` Your stroke ${k + 1} is unlike all that it learnt.`;
      if (this.odd) return;
      begin += line.length;
      yield;
    }
  }

  get #run() {
    return this.runs[this.way];
  }

  #choose(way) {
    this.way = way;
    this.changed();
    this.#draw();
  }

  #walk(event) {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    this.#choose((this.way + arrow[0] + 3 * arrow[1] + 6) % 6);
    this.cards[this.way].node.focus();
  }

  // What stands on the sheet becomes the reader's.
  #keep() {
    const kept = [[]];
    for (const { x, y, pen } of this.#run.slice(this.begun, this.time.at + 1)) {
      kept.at(-1).push([x, y].map((v) => Math.round(within(v, 0, SHEET))));
      if (pen !== GOES_ON) kept.push([]);
    }
    const strokes = [...this.strokes, ...kept.filter((line) => line.length > 1)];
    this.#set({ strokes: strokes.slice(0, MOST.strokes) });
  }

  // ---- drawing
  // The strokes among steps as lines: of the reader, and of the network.
  #lines(run, at) {
    const lines = { mine: [], its: [] };
    let line = [];
    run.slice(1, at + 1).forEach(({ x, y, pen }, k, steps) => {
      line.push([x, y]);
      if (pen === GOES_ON && k < steps.length - 1) return;
      if (line.length > 1) lines[k + 1 < this.begun ? "mine" : "its"].push(path(line));
      line = [];
    });
    return { mine: lines.mine.join(""), its: lines.its.join("") };
  }

  #draw() {
    const at = this.time.at;
    const view = this.wiped ? "-34 -34 177 177" : "-6 -6 121 121";
    this.cards.forEach(({ node, picture, mine, its, note }, way) => {
      const run = this.runs[way];
      const lines = this.#lines(run, at);
      picture.setAttribute("viewBox", view);
      mine.setAttribute("d", lines.mine);
      its.setAttribute("d", lines.its);
      const done = run.end && at >= run.length - 1;
      const strokes = run.filter(({ pen }) => pen !== GOES_ON).length - 1;
      note.textContent = done ? (run.end === "ended" ? some(strokes) : say(run.end)) : "";
      note.className = done && run.end !== "ended" ? "write-bad" : "";
      node.setAttribute("aria-label", `${SIX[way]} ${note.textContent}`);
      node.setAttribute("aria-checked", way === this.way);
      node.tabIndex = way === this.way ? 0 : -1;
    });
    this.sheet.setAttribute("viewBox", view);
    this.#drawSheet(Math.min(at, this.#run.length - 1));
    this.#drawMemory(Math.min(at, this.#run.length - 1));
    const whole = this.runs.every((run) => run.end);
    const last = whole && at === this.time.count - 1;
    this.undo.disabled = this.clear.disabled = this.wipe.disabled = !this.strokes.length;
    this.wipe.setAttribute("aria-pressed", this.wiped);
    this.keep.textContent = say`Make ${SIX[this.way]} mine`;
    this.keep.disabled = at <= this.begun;
    this.heat.value = this.temperature;
    this.degrees.textContent = this.temperature.toFixed(2);
    const sentence = last ? this.#summary() : this.#atPoint(Math.min(at, this.#run.length - 1));
    if (whole) this.tell(sentence);
    this.time.tell(sentence);
  }

  #drawSheet(at) {
    const step = this.#run[at];
    const put = (name, ...nodes) => this.layers[name].replaceChildren(...nodes);
    const lines = this.#lines(this.#run, at);
    put("mine", el("svg:path.write-mine", { d: lines.mine }));
    put("its", el("svg:path.write-its", { d: lines.its }));
    put("points", ...this.#run.slice(1, at + 1).map(({ x, y }, k) =>
      k + 1 < this.begun
        ? el("svg:rect", { x: x - 1, y: y - 1, width: 2, height: 2 })
        : el("svg:circle", { cx: x, cy: y, r: 0.9 })));
    put("guess", ...(step.pen === ENDS ? [] : this.net.mixture(step.out, this.temperature).parts)
      .filter(({ share }) => share > 0.01)
      .map(({ share, x, y, sx, sy, r }) => {
        const [mean, half, both] = [(sx * sx + sy * sy) / 2, (sx * sx - sy * sy) / 2, r * sx * sy];
        const far = Math.hypot(half, both);
        const turn = (Math.atan2(both, half) * 90) / Math.PI;
        return el("svg:ellipse", {
          rx: Math.max(1, 2 * Math.sqrt(mean + far)), ry: Math.max(1, 2 * Math.sqrt(Math.max(0, mean - far))),
          transform: `translate(${step.x + x} ${step.y + y}) rotate(${turn})`, opacity: 0.2 + 0.8 * share,
        });
      }));
    const [x, y] = this.net.believes(step);
    put("belief", ...(at && step.pen !== ENDS ? [el("svg:path", { d: `M${x - 5} ${y}h10m-5 -5v10` })] : []));
    put("pen", ...(this.pen ? [el("svg:circle", { cx: this.pen[0], cy: this.pen[1], r: this.drawing ? 2 : 3.2 })] : []));
    put("raw", ...(this.drawing ? [el("svg:path", { d: path(this.drawing) })] : []));
  }

  // What is so: across, down, strokes done and, once it is known, to go.
  #truth(at) {
    const lifted = (steps) => steps.filter(({ pen }) => pen !== GOES_ON).length;
    const done = lifted(this.#run.slice(1, at + 1));
    const left = this.#run.end === "ended" ? lifted(this.#run.slice(at + 1)) : null;
    return [this.#run[at].x, this.#run[at].y, done, left];
  }

  #drawMemory(at) {
    if (this.mini) return;
    const last = Math.max(1, this.#run.length - 1);
    const across = (k) => 70 + (586 * k) / last;
    const steps = this.#run.slice(0, at + 1);
    const told = steps.map((step) => this.net.believes(step));
    const so = steps.map((_, k) => this.#truth(k));
    const rows = HOLDS.flatMap((name, row) => {
      const base = 28 * row + 27;
      const height = (v) => base - 24 * within(v / TOP[row], 0, 1);
      const line = (values) => values.map((v, k) => `${height(v[row])}H${across(k)}`).slice(1).join("V");
      const thick = at ? `M70 ${base}V${line(told)}V${base}Z` : "";
      const thin = at && so[0][row] !== null ? `M70 ${line(so)}` : "";
      return [
        el("svg:path.write-zero", { d: `M70 ${base}H656` }), el("svg:path.write-held", { d: thick }),
        el("svg:path.write-so", { d: thin }), el("svg:text", { x: 0, y: base - 6 }, name),
      ];
    });
    this.strip.replaceChildren(...rows, el("svg:path.write-now", { d: `M${across(at)} 0V112` }));
  }

  #atPoint(at) {
    const step = this.#run[at];
    const [x, y, done] = this.net.believes(step).map(Math.round);
    const [goes, lifts, ends] = this.net.mixture(step.out, this.temperature).pen.map((p) => Math.round(100 * p));
    const next = step.pen === ENDS ? say`It has ended.`
      : say`After the next point the pen goes on ${goes} %, lifts ${lifts} %, ends ${ends} %.`;
    return say`The pen is at ${Math.round(step.x)}, ${Math.round(step.y)}; its memory, the cross, says ${x}, ${y}. ` +
      say`${some(this.#truth(at)[2])} done; its memory says ${done}. ` + next;
  }

  #summary() {
    if (this.wiped)
      return say`Memory wiped after your strokes: it begins a new character, from where it believes the pen to be. Step back: the cross.`;
    const count = (end) => this.runs.filter((run) => run.end === end).length;
    const [left, endless] = [count("left sheet"), count("no end")];
    const after = this.strokes.length ? say`After ${some(this.strokes.length)} of yours` : say`On an empty sheet`;
    const stopped = [
      left ? say`${left} left the sheet` : "", endless ? say`${endless} found no end in ${MOST.points} points` : "",
    ].filter(Boolean).join(say`, `);
    const ends = stopped ? say`: ${stopped}, and stopped there.` : say`, and ended each.`;
    return say`${after} it went on six times${ends}` + this.odd;
  }

  // ---- the hand: pointer, finger, keys
  #hand() {
    const place = ({ clientX, clientY }) => {
      const inside = this.sheet.getScreenCTM().inverse();
      const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(inside);
      return [within(x, 0, SHEET), within(y, 0, SHEET)];
    };
    const show = () => this.#drawSheet(Math.min(this.time.at, this.#run.length - 1));
    this.sheet.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary) return;
      this.sheet.setPointerCapture(event.pointerId);
      this.#hush([place(event)]);
    });
    this.sheet.addEventListener("pointermove", (event) => {
      if (!this.drawing || !this.sheet.hasPointerCapture(event.pointerId)) return;
      const all = event.getCoalescedEvents?.() ?? [];
      this.drawing.push(...(all.length ? all : [event]).map(place));
      show();
    });
    this.sheet.addEventListener("pointerup", (event) => {
      if (this.drawing && this.sheet.hasPointerCapture(event.pointerId)) this.#add();
    });
    this.sheet.addEventListener("pointercancel", () => this.#set({}));
    this.sheet.addEventListener("keydown", (event) => this.#key(event));
  }

  // The reader writes: what was proposed goes.
  #hush(drawing) {
    this.job = null;
    this.drawing = drawing;
    this.#begin();
    this.tell("…");
  }

  #add() {
    const line = stroke(this.drawing);
    const pen = this.pen;
    const long = line.some(([x, y]) => Math.hypot(x - line[0][0], y - line[0][1]) >= 3);
    const room = this.strokes.length < MOST.strokes;
    if (long && room) this.#set({ strokes: [...this.strokes, line], pen });
    else {
      this.#set({ pen }, false);
      this.tell(room ? say`A stroke has a length: press and drag.` : say`It takes ${MOST.strokes} strokes at most. Clear the sheet, or take one back.`);
    }
  }

  #key(event) {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const size = event.shiftKey ? 1 : 6;
      const [x, y] = this.pen ?? [CENTRE - 0.5, CENTRE - 0.5];
      this.pen = [within(x + size * arrow[0], 0, SHEET), within(y + size * arrow[1], 0, SHEET)];
      this.drawing?.push(this.pen);
      this.#drawSheet(Math.min(this.time.at, this.#run.length - 1));
      this.tell(this.drawing ? say`Pen down at ${this.pen.join(", ")}.` : say`Pen up at ${this.pen.join(", ")}.`);
    } else if (event.key === " " || event.key === "Enter") {
      this.pen ??= [CENTRE - 0.5, CENTRE - 0.5];
      if (this.drawing) this.#add();
      else {
        this.#hush([this.pen]);
        this.tell(say`Pen down at ${this.pen.join(", ")}.`);
      }
    } else if (event.key === "Backspace" && this.strokes.length) this.undo.click();
    else if (event.key === "Escape" && this.drawing) this.#set({});
    else return;
    event.preventDefault();
  }

  #save() {
    const lines = this.#lines(this.#run, this.time.at);
    const address = URL.createObjectURL(new Blob([this.handout.svg(lines)], { type: "image/svg+xml" }));
    el("a", { href: address, download: "character.svg" }).click();
    URL.revokeObjectURL(address);
  }

  python() {
    return this.handout.python({ ...this, limits: { ...MOST, outside: this.wiped ? FAR : OUTSIDE } });
  }
}
customElements.define("write-characters", WriteCharacters);
