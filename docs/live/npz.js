// Reads what np.savez and np.savez_compressed write.

// --8<-- [start:npz]
// float16: a sign, five bits of exponent, ten of fraction.
const half = (bits) => {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  let size = 2 ** ((exponent || 1) - 15) * (fraction + !!exponent);
  if (exponent > 30) size = fraction ? NaN : Infinity;
  return bits >> 15 ? -size : size;
};

const letter = (code) => String.fromCodePoint(code);

const READ = {
  "<f2": (bytes) => Float32Array.from(new Uint16Array(bytes), half),
  "<f4": (bytes) => new Float32Array(bytes),
  "<f8": (bytes) => Float32Array.from(new Float64Array(bytes)),
  "<i4": (bytes) => new Int32Array(bytes),
  "<i8": (bytes) => Int32Array.from(new BigInt64Array(bytes), Number),
  "<U": (bytes) => Array.from(new Uint32Array(bytes), letter).join(""),
};

// One array, flat, with its shape; or one string.
function npy(bytes) {
  const begin = 10 + new DataView(bytes).getUint16(8, true);
  const head = new TextDecoder().decode(bytes.slice(10, begin));
  const [, type] = /'descr': '(<U|[^']+)/.exec(head);
  // True: in Fortran's order, column after column.
  if (!READ[type] || head.includes("True")) throw new Error(head);
  const array = READ[type](bytes.slice(begin));
  const [, shape] = /'shape': \((.*?)\)/.exec(head);
  if (type !== "<U") array.shape = (shape.match(/\d+/g) ?? []).map(Number);
  return array;
}

// {name: array}. Sizes are those of the zip's directory, at its end: before an
// array, NumPy writes 2**32 - 1. What is no zip leads beyond its end: throws.
async function npz(bytes) {
  const view = new DataView(bytes);
  const short = (at) => view.getUint16(at, true);
  const long = (at) => view.getUint32(at, true);
  const end = bytes.byteLength - 22;
  const arrays = {};
  let at = long(end + 16);
  do {
    const names = at + 46 + short(at + 28);
    const name = new TextDecoder().decode(bytes.slice(at + 46, names));
    const local = long(at + 42);
    const begin = local + 30 + short(local + 26) + short(local + 28);
    let data = new Response(bytes.slice(begin, begin + long(at + 20))).body;
    if (short(at + 10))
      data = data.pipeThrough(new DecompressionStream("deflate-raw"));
    arrays[name.slice(0, -4)] = npy(await new Response(data).arrayBuffer());
    at = names + short(at + 30) + short(at + 32);
  } while (at < end);
  return arrays;
}

// Fetches and reads; tells progress what share has come.
async function load(url, progress = () => {}) {
  const reply = await fetch(url);
  if (!reply.ok) throw new Error(reply.status);
  const total = reply.headers.get("content-length");
  let come = 0;
  const count = new TransformStream({
    transform(part, out) {
      progress((come += part.length) / total);
      out.enqueue(part);
    },
  });
  return npz(await new Response(reply.body.pipeThrough(count)).arrayBuffer());
}
// --8<-- [end:npz]

export { load, npz };
