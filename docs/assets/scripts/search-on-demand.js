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
