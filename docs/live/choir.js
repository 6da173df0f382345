// Four voices that sing quarter by quarter, one voice after another; and how
// they sound. Weights and words are those of the page Bach chorales.
import { dense, embedding, gru_cell, softmax } from "./cells.js";
import { pick, uniform } from "./dice.js";

const VOICES = ["soprano", "alto", "tenor", "bass"];
const NOTES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B"];
const [LOWEST, HIGHEST] = [36, 81]; // what Bach's singers sing

const note = (key) => NOTES[key % 12] + (Math.floor(key / 12) - 1);

class Choir {
  constructor({ E, W, U, b, A, a, B, C, c, order, low }) {
    Object.assign(this, { E, W, U, b, A, a, B, C, c, order, low: low[0] });
    [this.keys, this.features] = E.shape.slice(1);
    [this.units, this.hidden] = A.shape.slice(1);
  }

  get size() {
    return [this.E, this.W, this.U, this.b, this.A, this.a, this.B, this.C, this.c]
      .reduce((n, part) => n + part.length, 0);
  }

  nothing() {
    return new Float32Array(this.units);
  }

  // Part k of an array of several.
  #of(array, k) {
    const size = array.length / array.shape[0];
    return array.subarray(k * size, (k + 1) * size);
  }

  // The state after a frame of four keys, or after none: before the first.
  read(h, frame) {
    const x = new Float32Array(this.features);
    for (const voice of VOICES.keys()) {
      const row = embedding(frame ? frame[voice] - this.low : 0, this.#of(this.E, voice), this.features);
      row.forEach((v, u) => (x[u] += v));
    }
    return gru_cell(x, h, this.W, this.U, this.b).h;
  }

  // The logits of the nth voice of the order, when those before it have sung.
  logits(h, n, sung) {
    const z = dense(h, this.#of(this.A, n), this.#of(this.a, n));
    this.order.slice(0, n).forEach((voice, j) => {
      const row = embedding(sung[voice] - this.low, this.#of(this.B, (n * (n - 1)) / 2 + j), this.hidden);
      row.forEach((v, u) => (z[u] += v));
    });
    return dense(z.map((v) => Math.max(0, v)), this.#of(this.C, n), this.#of(this.c, n));
  }

  // Sings quarter by quarter below a melody, or freely: yields its frames and
  // the chance of each note. At temperature 0 the likeliest note is sung.
  *sing(melody, count, temperature, seed) {
    const random = uniform(seed);
    let [h, frame] = [this.nothing(), null];
    for (let t = 0; t < count; t++) {
      h = this.read(h, frame);
      frame = [];
      const chances = [];
      for (const [n, voice] of this.order.entries()) {
        const logits = this.logits(h, n, frame);
        const given = voice === 0 && melody;
        const parts = softmax(logits, temperature || 1);
        const k = given ? melody[t] - this.low
          : temperature ? pick(Array.from(parts), random()) : parts.indexOf(Math.max(...parts));
        frame[voice] = k + this.low;
        chances[voice] = softmax(logits)[k];
      }
      yield { frame, chances };
    }
  }
}

// Plays chords with oscillators, one a voice.
class Organ {
  // Browsers give sound only after a press: so the first chord opens it.
  chord(keys, seconds) {
    this.context ??= new AudioContext();
    this.context.resume();
    this.hush();
    const begin = this.context.currentTime;
    this.out = new GainNode(this.context, { gain: 0.5 / Math.max(2, keys.length) });
    this.out.connect(this.context.destination);
    this.out.gain.setValueAtTime(this.out.gain.value, begin + seconds * 0.8);
    this.out.gain.linearRampToValueAtTime(0, begin + seconds * 1.1);
    for (const key of keys) {
      const frequency = 440 * 2 ** ((key - 69) / 12);
      const pipe = new OscillatorNode(this.context, { type: "triangle", frequency });
      pipe.connect(this.out);
      pipe.start();
      pipe.stop(begin + seconds * 1.1);
    }
  }

  // Within 20 ms, so that it does not click.
  hush() {
    if (!this.out) return;
    const now = this.context.currentTime;
    this.out.gain.cancelScheduledValues(now);
    this.out.gain.setTargetAtTime(0, now, 0.02);
    this.out = null;
  }
}

export { Choir, HIGHEST, LOWEST, Organ, VOICES, note };
