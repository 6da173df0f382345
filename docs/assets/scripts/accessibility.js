// What scrolls sideways is not always within the keyboard's reach.
{
  const reach = (wide) => {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  };

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) reach(target);
  });

  // An explorer, which may be awake by now, sees to its own.
  const all = document.querySelectorAll(
    ".md-content pre > code:not([tabindex]), .katex-display, .run code",
  );

  // One after another: what is far from the screen is laid out only to answer,
  // and all at once would hold up the reader.
  const look = (left = [...all]) => {
    if (!left.length) return;
    reach(left.shift());
    setTimeout(look, 0, left);
  };

  look(); // an observer is not called for what is far from the screen
  all.forEach((wide) => resized.observe(wide));
  // A formula may come to need more room when its font is there.
  document.fonts.addEventListener("loadingdone", () => look());
}
