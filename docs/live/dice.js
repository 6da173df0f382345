// Random numbers that Python can repeat, and what is drawn with them.

// Numbers from 0 to 1: mulberry32.
function uniform(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// The number of the part that holds u, of parts that add up to 1.
function pick(parts, u) {
  let sum = 0;
  const k = parts.findIndex((part) => (sum += part) > u);
  return k < 0 ? parts.length - 1 : k;
}

// The same in Python.
const UNIFORM = `def uniform(a):  # mulberry32: the random numbers of the page
    while True:
        a = (a + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((a ^ a >> 15) * (1 | a)) & 0xFFFFFFFF
        t = ((t + (t ^ t >> 7) * (61 | t)) ^ t) & 0xFFFFFFFF
        yield (t ^ t >> 14) / 2**32`;

export { UNIFORM, pick, uniform };
