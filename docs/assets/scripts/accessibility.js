// Two things that Material leaves to mend, in elements that it adds some time
// after the page has loaded: its copy buttons each sit in a <nav>, an unnamed
// landmark; and what scrolls sideways is not always within the keyboard's reach.

const reachable = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

const mend = () => {
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) {
    nav.setAttribute("role", "none");
  }
  for (const wide of document.querySelectorAll(
    ".md-content pre > code, .md-typeset__scrollwrap, .katex-display",
  )) {
    reachable.observe(wide);
  }
};

mend();
new MutationObserver(mend).observe(document.querySelector(".md-content"), {
  childList: true,
  subtree: true,
});
