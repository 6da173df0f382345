// Material fetches the search index with every page, and it grows with the
// site. Here that request waits until somebody turns to the search.

const { open, send } = XMLHttpRequest.prototype;
let wanted = false;
const waiting = [];

XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  this.isIndex = String(url).endsWith("search/search_index.json");
  open.call(this, method, url, ...rest);
};

XMLHttpRequest.prototype.send = function (body) {
  if (wanted || !this.isIndex) send.call(this, body);
  else waiting.push(this);
};

document.addEventListener("focusin", ({ target }) => {
  if (!target.matches(".md-search__input")) return;
  wanted = true;
  for (const request of waiting.splice(0)) send.call(request);
});

// Readers type questions and paste error messages. The search takes a name in
// quotation marks for a word that must occur and -1 for one that must not, and
// finds nothing; and it completes each word, so that "or" finds "orthogonal".
// So it gets words only, without single letters and without those words that
// the index leaves out.
const QUERY = 2; // the type of Material's message to its search worker
const { postMessage } = Worker.prototype;
const NO_WORD = /[^\p{L}\p{N}_.]+|[的吗呢]|\.(?!\d)/gu; // nor these three
const LEFT_OUT = new Set(
  ("a an and are as at be but by can do does for from has have how i if in " +
    "is it its my no not of on or so than that the then there this to was " +
    "what when where which while who why will with you your")
    .split(" "),
);
// A completed word finds its other forms too, American or British, once its own
// ending is off.
const ENDING =
  /(?<=[a-z]{3}[^sui])s$|(?<=[a-z]{4})(?:ies|ing|i[sz](?:e[ds]?|ing|ation))$/;

function plainWords(query) {
  const words = query.replace(NO_WORD, " ").trim().split(" ");
  const telling = words.filter(
    (word) => !LEFT_OUT.has(word.toLowerCase()) && !/^[\dA-Za-z]$/.test(word),
  );
  return (telling.length ? telling : words)
    .map((word) => word.replace(ENDING, ""))
    .join(" ");
}

Worker.prototype.postMessage = function (message, ...rest) {
  if (message.type === QUERY) message.data = plainWords(message.data);
  postMessage.call(this, message, ...rest);
};
