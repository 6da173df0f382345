// What all explorers share: when one wakes, the bar above it, time, choices,
// one sentence for eye and ear, its state in the address, its Python.
//
// An explorer is a class that extends Explorer, in a file called as its tag:
//   word            its name in the address: #word=state
//   async load(progress)   fetches; sets what, the text of the bar
//   build(body)     makes its parts; may put this.say where it belongs
//   start()         the state at the beginning
//   read(text)      the state of an address; false if it is not one
//   write()         the state as text, of letters, digits and . _ - ~
//   python()        the program that prints the numbers shown
// It calls tell(sentence) when it has drawn, and changed() when the reader has
// made its state another. On the page: <its-tag wake="near">the still picture</its-tag>, or,
// for a large file, <its-tag label="Draw here">; model="chapter/page" names the
// recorded weights.

const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Words in the page's language. A template after say is looked up as "Step {}"
// in the table of a page that is not English; say(word) as the word.
const say = (text, ...values) => {
  const english = [text].flat().join("{}");
  let k = 0;
  return (globalThis.words?.[english] ?? english).replace(/\{(\d?)\}/g, (_, n) => values[n || k++]);
};

const SVG = "http://www.w3.org/2000/svg";

// el("button.big", {type: "button", onclick: f}, ...children); "svg:" begins
// the name of an element of a drawing.
function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = tag.startsWith("svg:")
    ? document.createElementNS(SVG, tag.slice(4))
    : document.createElement(tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const button = (text, onclick, more = {}) =>
  el("button", { type: "button", onclick, ...more }, text);

// A number as the pages print it, with a true minus, and never −0.00.
const number = (value, digits = 2) =>
  value.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");

let choices = 0;

// One of several, as radio buttons: options are [value, text]. Set value to
// show a choice; none is shown for a value that is no option.
function choice(legend, options, does) {
  const name = `live-choice-${choices++}`;
  const radios = options.map(([value]) =>
    el("input", { type: "radio", name, value, onchange: () => does(value) }),
  );
  const labels = options.map(([, text], k) => el("label", {}, radios[k], el("span", {}, text)));
  const node = el("fieldset.live-choice", {}, el("legend", {}, legend), el("div", {}, ...labels));
  return Object.defineProperty(node, "value", {
    set: (value) => radios.forEach((radio) => (radio.checked = radio.value === String(value))),
  });
}

// A number to drag; told(value) is how it is written. Set value to show one.
function slider(name, { min, max, step, told = (value) => number(value, 1) }, does) {
  const input = el("input", {
    type: "range", min, max, step, "aria-label": name, oninput: () => does(Number(input.value)),
  });
  const text = el("span");
  const node = el("div.live-slider", {}, el("span", {}, name), input, text);
  return Object.defineProperty(node, "value", {
    set: (value) => {
      input.value = value;
      text.textContent = told(value);
      input.setAttribute("aria-valuetext", told(value));
    },
  });
}

// Runs a generator, 6 ms of each frame; stop() returning true ends it.
async function inFrames(work, stop = () => false) {
  while (!stop()) {
    const end = performance.now() + 6;
    while (performance.now() < end) if (work.next().done) return;
    await new Promise(requestAnimationFrame);
  }
}

// Time: a slider, Play, and a button each way. show(at) is called at each step.
class Time {
  constructor(name, every, show) {
    Object.assign(this, { at: 0, count: 1, every, show, silence: () => {} });
    this.playing = button(calm.matches ? say`Next` : say`Play`, () => this.play());
    this.slider = el("input", {
      type: "range", min: 1, step: 1, "aria-label": name,
      oninput: () => this.go(this.slider.value - 1),
    });
    this.told = el("span");
    this.node = el("div.live-time", {}, this.playing,
      button("◀", () => this.go(this.at - 1), { "aria-label": say`${name} back` }), this.slider,
      button("▶", () => this.go(this.at + 1), { "aria-label": say`${name} on` }), this.told);
  }

  // What the slider says, as the sentence does.
  tell(sentence) {
    this.slider.max = this.count;
    this.slider.value = this.at + 1;
    this.slider.setAttribute("aria-valuetext", sentence);
    this.told.textContent = say`${this.at + 1} of ${this.count}`;
  }

  go(at) {
    this.stop();
    this.#show(at);
  }

  #show(at) {
    this.at = Math.max(0, Math.min(this.count - 1, at));
    this.show(this.at);
  }

  play() {
    if (calm.matches) return this.go((this.at + 1) % this.count);
    if (this.clock) return this.stop();
    this.silence(true);
    this.playing.textContent = say`Pause`;
    this.clock = setInterval(() => {
      if (this.at + 1 < this.count) this.#show(this.at + 1);
      else this.stop();
    }, this.every);
    this.#show((this.at + 1) % this.count);
  }

  stop() {
    if (!this.clock) return;
    clearInterval(this.clock);
    this.clock = 0;
    this.playing.textContent = say`Play`;
    this.silence(false);
  }
}

// What follows # is a state only if it has a =; else it is an anchor.
const hash = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

class Explorer extends HTMLElement {
  // The address of its recorded weights.
  get model() {
    return new URL(`../models/${this.getAttribute("model")}.npz`, import.meta.url);
  }

  connectedCallback() {
    if (this.still) return;
    this.still = [...this.childNodes];
    addEventListener("hashchange", () => {
      if (hash().has(this.word)) this.#arrive();
    });
    if (hash().has(this.word)) return this.#arrive();
    const thrifty = navigator.connection?.saveData;
    if (thrifty || this.getAttribute("wake") !== "near") return this.#offer();
    const near = new IntersectionObserver((seen) => {
      if (!seen.at(-1).isIntersecting) return;
      near.disconnect();
      this.#wake();
    }, { rootMargin: "200px" });
    near.observe(this);
  }

  // A button below the picture, in place of loading.
  #offer() {
    const kb = this.getAttribute("kb");
    const label = (this.getAttribute("label") ?? say`Try it`) + (kb ? ` (${kb} kB)` : "");
    this.removeAttribute("wake");
    this.begin = button(label, async () => {
      if (await this.#wake()) this.querySelector(".live-time input").focus();
    }, { class: "live-begin" });
    this.append(this.begin);
  }

  async #arrive() {
    if (await this.#wake()) {
      this.#read();
      this.scrollIntoView();
    }
  }

  // Is it awake? Only the first call loads.
  #wake() {
    return (this.awake ??= this.#open());
  }

  async #open() {
    if (this.begin) this.begin.disabled = true;
    try {
      await this.load((share) => {
        const come = Math.min(100, Math.round(100 * share));
        if (this.begin) this.begin.textContent = say`Loading ${come} %`;
      });
    } catch (error) {
      console.warn(error);
      this.awake = undefined;
      this.begin?.remove();
      this.querySelector(".live-say")?.remove();
      const sentence = say`The network could not be loaded. The picture stays.`;
      this.append(el("p.live-say", { role: "status" }, sentence));
      this.#offer();
      return false;
    }
    this.say = el("p.live-say", { role: "status" });
    this.body = el("div.live-body");
    this.code = el("code", { tabindex: 0 });
    this.panel = el("div.highlight", { hidden: "" },
      el("div.strip", {}, el("span", {}, say`The same numbers in Python`),
        button(say`Copy`, () => {}, { "data-copy": "block" })), // copy.js does it
      el("pre", {}, this.code));
    const bar = el("div.live-bar", {}, el("span", {}, this.what),
      button(say`Reset`, () => this.#begin()),
      button(say`Link`, ({ target }) => this.#link(target)),
      button("Python", ({ target }) => this.#unfold(target), { "aria-expanded": false }));
    this.classList.add("live");
    this.replaceChildren(bar, this.body, this.panel, el("div.live-still", {}, ...this.still));
    this.build(this.body);
    if (!this.say.isConnected) this.body.append(this.say);
    this.start();
    return true;
  }

  #begin() {
    this.start();
    this.changed();
  }

  #read() {
    if (this.read(hash().get(this.word))) return this.#refresh();
    this.start();
    this.tell(say`This link’s state could not be read; here is the beginning.`);
  }

  // The slider and two buttons for the steps of this explorer.
  timeline(name, every, show) {
    const time = new Time(name, every, show);
    time.silence = (yes) => {
      this.say.setAttribute("aria-live", yes ? "off" : "polite");
    };
    return time;
  }

  // The one sentence on what is shown. Written anew, it would be read anew.
  tell(sentence) {
    if (this.say.textContent !== sentence) this.say.textContent = sentence;
  }

  // The state is another: it goes to the address, without a place in history.
  changed() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.#write(), 250);
    this.#refresh();
  }

  #refresh() {
    if (!this.panel.hidden) this.code.textContent = this.python();
  }

  #write() {
    clearTimeout(this.later);
    history.replaceState(null, "", `#${this.word}=${this.write()}`);
  }

  async #link(link) {
    this.#write();
    try {
      await navigator.clipboard.writeText(location.href);
      link.textContent = say`Copied`;
    } catch {
      link.textContent = say`In the address bar`;
    }
    setTimeout(() => (link.textContent = say`Link`), 2000);
  }

  #unfold(python) {
    this.panel.hidden = !this.panel.hidden;
    python.setAttribute("aria-expanded", !this.panel.hidden);
    this.#refresh();
  }
}

export { Explorer, button, calm, choice, el, inFrames, number, say, slider };
