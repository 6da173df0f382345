// Two things that Material leaves to mend, in elements that it adds some time
// after the page has loaded: its copy buttons each sit in a <nav>, an unnamed
// landmark; and what scrolls sideways is not always within the keyboard's reach.

const reach = (wide) => {
  if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  else wide.removeAttribute("tabindex");
};

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) reach(target);
});

const mend = () => {
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) {
    nav.setAttribute("role", "none");
  }
  for (const wide of document.querySelectorAll(
    ".md-content pre > code, .md-typeset__scrollwrap, .katex-display",
  )) {
    reach(wide); // at once: an observer's first call may be late
    resized.observe(wide);
  }
};

mend();
// A formula may come to need more room when its font is there.
document.fonts.addEventListener("loadingdone", mend);
new MutationObserver(mend).observe(document.querySelector(".md-content"), {
  childList: true,
  subtree: true,
});
