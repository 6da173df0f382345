// Sing a melody, and the network of the page Bach chorales adds three voices;
// or it sings alone; or Bach's own chorale is heard.
import { Choir, HIGHEST, LOWEST, Organ, VOICES, note } from "./choir.js";
import { UNIFORM } from "./dice.js";
import { Explorer, button, calm, choice, el, slider } from "./frame.js";
import { load } from "./npz.js";
import { fetching } from "./texts.js";

const MOST = 64; // quarters
const ALONE = 32;
const BEAT = 560; // ms
const [LOW_MELODY, HIGH_MELODY] = [57, HIGHEST]; // what Bach's sopranos sing
const ODE = [66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66, 66, 64, 64, 64, 66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66, 64, 62, 62, 62];
const LETTERS = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11 };
const WHITE = [0, 2, 4, 5, 7, 9, 11];
const BLACK = [1, 3, null, 6, 8, 10];
// As a voice reads them.
const NAMES = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "G sharp", "A", "B flat", "B"];
const [WIDE, HIGH, LEFT, ROW, FOOT] = [660, 306, 28, 6, 26]; // of the roll
const MIDDLES = [72, 65, 58, 48]; // where their letters stand
const SHOWN = 32; // quarters, at least, that the roll is wide

const sung = (key) => key >= LOW_MELODY && key <= HIGH_MELODY;
const per_cent = (p) => `${Math.round(100 * p)} %`;

class BachChorales extends Explorer {
  word = "sing";

  async load(progress) {
    const file = await load(this.model, progress);
    this.choir = new Choir(file);
    this.what = `GRU(${this.choir.units}), ${this.choir.size.toLocaleString("en")} weights`;
    this.songs = Object.entries(file)
      .filter(([name]) => name.startsWith("bwv"))
      .map(([name, keys]) => ({
        name: `BWV ${name.slice(3)}`,
        frames: Array.from({ length: keys.length / 4 }, (_, t) => [...keys.subarray(4 * t, 4 * t + 4)]),
      }));
    this.melodies = [
      ...this.songs.map(({ name, frames }) => [name, frames.map(([soprano]) => soprano)]),
      ["Ode to Joy", ODE],
    ];
  }

  build(body) {
    this.organ = new Organ();
    const begin = el("div.bach-begin", {}, el("span", {}, "Melody"),
      ...this.melodies.map(([name, melody]) => button(name, () => this.#set({ heard: "under", melody }))));
    this.roll = el("svg:svg.bach-roll", { viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": true });
    this.roll.addEventListener("pointerdown", ({ offsetX }) => {
      const across = (offsetX / this.roll.clientWidth) * WIDE - LEFT;
      this.time.go(Math.floor(across / this.#beat));
    });
    this.octave = 4;
    this.low = button("Lower", () => this.#move(-1), { "aria-label": "Piano lower" });
    this.high = button("Higher", () => this.#move(1), { "aria-label": "Piano higher" });
    const key = (step) => button("", () => this.#add(12 * (this.octave + 1) + step));
    this.keys = [...Array(12).keys()].map(key);
    const black = el("div.bach-black", {}, ...BLACK.map((step) => (step === null ? el("span") : this.keys[step])));
    const white = el("div.bach-white", {}, ...WHITE.map((step) => this.keys[step]));
    this.undo = button("Back", () => this.#set({ heard: "under", melody: this.melody.slice(0, -1) }), { "aria-label": "Take a note back" });
    this.clear = button("Clear", () => this.#set({ heard: "under", melody: [] }));
    const others = button("Sing anew", () => this.#set({ seed: (this.seed % 999) + 1 }));
    this.stop = button("Stop", () => this.#stop());
    const piano = el("div.bach-piano", {
      role: "group", "aria-label": "Piano: the letters C to B enter a note, arrows move the last one, backspace takes it back",
    }, black, white);
    piano.addEventListener("keydown", (event) => this.#key(event));
    this.time = this.timeline("Quarter", BEAT, () => this.#draw(this.time.clock));
    // Who wants no motion steps; each step is heard.
    this.time.playing.addEventListener("click", () => {
      if (calm.matches) this.#sound();
      else if (!this.time.clock) this.organ.hush();
    });
    this.hear = choice("Hear", [["under", "your melody"], ["alone", "its own"], ["bach", "Bach’s"]],
      (heard) => this.#set({ heard }));
    this.heat = slider("Temperature", { min: 0, max: 1.2, step: 0.1, told: (v) => (v ? v.toFixed(1) : "0: likeliest") },
      (temperature) => this.#set({ temperature }));
    body.append(begin, this.roll, piano,
      el("div.bach-tools", {}, this.low, this.high, this.undo, this.clear, others, this.stop),
      this.time.node, this.say, this.hear, this.heat);
  }

  // ---- state: what is heard, the melody, the temperature, the seed
  start() {
    this.#go({ heard: "under", melody: this.melodies[0][1], temperature: 0, seed: 1 });
  }

  write() {
    return [this.heard, this.melody.join("."), this.temperature, this.seed].join("~");
  }

  read(text) {
    const found = /^(under|alone|bach)~((?:\d\d(?:\.\d\d){0,63})?)~(0|0\.[1-9]|1|1\.[12])~([1-9]\d{0,2})$/.exec(text);
    if (!found) return false;
    const [, heard, keys, temperature, seed] = found;
    const melody = keys ? keys.split(".").map(Number) : [];
    if (!melody.every(sung)) return false;
    this.#go({ heard, melody, temperature: Number(temperature), seed: Number(seed) });
    return true;
  }

  // Another state, by the reader.
  #set(state) {
    this.#go(state);
    this.changed();
  }

  // Bach's chorale: that of this melody, else the first.
  get #song() {
    const same = (frames) => frames.map(([soprano]) => soprano).join() === this.melody.join();
    return this.songs.find(({ frames }) => same(frames)) ?? this.songs[0];
  }

  // The choir sings; the last quarter is shown.
  #go(state) {
    Object.assign(this, state);
    this.#stop();
    const melody = this.heard === "under" ? this.melody : null;
    const count = melody ? melody.length : ALONE;
    this.steps = this.heard === "bach"
      ? this.#song.frames.map((frame) => ({ frame }))
      : [...this.choir.sing(melody, count, this.temperature, this.seed)];
    this.time.count = Math.max(1, this.steps.length);
    this.time.at = this.time.count - 1;
    this.#draw();
  }

  // ---- the melody
  #move(octaves) {
    this.octave += octaves;
    this.#drawPiano();
  }

  #add(key) {
    if (this.melody.length < MOST) this.#enter([...this.melody, key]);
    else this.tell(`It takes ${MOST} notes at most. Clear the melody, or take notes back.`);
  }

  // What is entered is heard, with its chord.
  #enter(melody) {
    this.#set({ heard: "under", melody });
    this.#sound();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.melody.at(-1) ?? 67;
    const step = LETTERS[event.key.toLowerCase()];
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (step !== undefined) {
      const up = (step - last + 1200 + 5) % 12 - 5; // to the nearest of that name
      this.#add(sung(last + up) ? last + up : last + up + (up < 0 ? 12 : -12));
    } else if (by && this.melody.length) {
      if (sung(last + by)) this.#enter([...this.melody.slice(0, -1), last + by]);
    } else if (event.key === "Backspace") this.undo.click();
    else return;
    event.preventDefault();
  }

  // ---- sound
  #sound() {
    if (this.steps.length) this.organ.chord(this.steps[this.time.at].frame, BEAT / 1000);
  }

  #stop() {
    this.time.stop();
    this.organ.hush();
  }

  // ---- drawing
  // How wide a quarter is.
  get #beat() {
    return (WIDE - LEFT) / Math.max(SHOWN, this.time.count);
  }

  #draw(playing) {
    this.#drawRoll();
    this.#drawPiano();
    this.undo.disabled = this.clear.disabled = !this.melody.length;
    this.hear.value = this.heard;
    this.heat.value = this.temperature;
    const sentence = this.#sentence();
    this.tell(sentence);
    this.time.tell(sentence);
    if (playing) this.#sound();
  }

  #drawRoll() {
    const beat = this.#beat;
    const floor = HIGH - FOOT;
    const height = (key) => floor - 2 - ROW * (key - LOWEST + 1);
    const now = el("svg:rect.bach-now", { x: LEFT + beat * this.time.at, width: beat, height: floor });
    const every = this.time.count > 40 ? 8 : 4;
    const bars = [...Array(Math.ceil((WIDE - LEFT) / beat / every)).keys()].flatMap((k) => {
      const x = LEFT + k * every * beat;
      return [
        el("svg:path.bach-bar", { d: `M${x} 0V${floor}` }),
        el("svg:text", { x: x + 2, y: HIGH - 4 }, `${k * every + 1}`),
      ];
    });
    const names = VOICES.map((voice, v) =>
      el("svg:text", { x: 2, y: height(MIDDLES[v]) + 6 }, voice[0].toUpperCase()));
    const notes = VOICES.flatMap((_, v) => {
      const whose = this.heard === "bach" ? "bach-his" : v || this.heard === "alone" ? "bach-its" : "bach-yours";
      const keys = this.steps.map(({ frame }) => frame[v]);
      const begins = [...keys.keys()].filter((t) => keys[t] !== keys[t - 1]);
      return begins.map((t, k) => el(`svg:rect.${whose}`, {
        x: LEFT + beat * t + 0.5, y: height(keys[t]), rx: 1.5, height: ROW,
        width: beat * ((begins[k + 1] ?? keys.length) - t) - 1,
      }));
    });
    this.roll.replaceChildren(now, ...bars, ...names, ...notes);
  }

  #drawPiano() {
    this.low.disabled = this.octave === 3;
    this.high.disabled = this.octave === 5;
    this.keys.forEach((button, step) => {
      const key = 12 * (this.octave + 1) + step;
      button.textContent = note(key);
      button.setAttribute("aria-label", `${NAMES[step]}${this.octave}`);
      button.disabled = !sung(key);
    });
  }

  #sentence() {
    if (!this.steps.length)
      return "No melody yet. Press keys of the piano: each adds a quarter, and three voices join in.";
    const { frame, chances } = this.steps[this.time.at];
    const voices = VOICES.map((voice, v) => {
      const told = !chances ? "" : v || this.heard === "alone" ? ` (${per_cent(chances[v])})` : " (given)";
      return `${voice} ${note(frame[v])}${told}`;
    });
    const whose = this.heard === "bach" ? `${this.#song.name}, quarter` : "Quarter";
    return `${whose} ${this.time.at + 1}: ${voices.join(", ")}.`;
  }

  python() {
    const heard = { under: `melody = [${this.melody.join(", ")}]`, alone: `melody = [None] * ${ALONE}  # it sings alone` };
    if (this.heard === "bach") {
      const name = this.#song.name.replace("BWV ", "bwv");
      return `${fetching(this.model)}
for frame in file["${name}"]:
    print(*frame)
`;
    }
    return `${fetching(this.model)}
E, W, U, b, A, a, B, C, c = (file[n].astype("float64") for n in "EWUbAaBCc")
low, order = int(file["low"]), file["order"]
temperature, seed = ${this.temperature}, ${this.seed}
${heard[this.heard]}


${UNIFORM}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def pick(logits):
    if not temperature:
        return logits.argmax()
    p = np.exp((logits - logits.max()) / temperature)
    k = np.searchsorted(np.cumsum(p / p.sum()), next(random), side="right")
    return min(int(k), len(p) - 1)


random = uniform(seed)
h, frame = np.zeros(len(U)), [0, 0, 0, 0]  # numbers of rows; 0: none yet
for given in melody:
    x = sum(E[voice][row] for voice, row in enumerate(frame))
    x_z, x_r, x_h = np.split(x @ W + b[0], 3)
    h_z, h_r, h_h = np.split(h @ U + b[1], 3)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    h = z * h + (1 - z) * np.tanh(x_h + r * h_h)
    for n, voice in enumerate(order):
        hidden = h @ A[n] + a[n]
        for j, other in enumerate(order[:n]):
            hidden = hidden + B[n * (n - 1) // 2 + j][frame[other]]
        logits = np.maximum(hidden, 0) @ C[n] + c[n]
        free = voice or given is None
        frame[voice] = pick(logits) if free else given - low
    print(*(row + low for row in frame))
`;
  }
}
customElements.define("bach-chorales", BachChorales);
