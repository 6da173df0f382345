// What scrolls sideways is not always within the keyboard's reach.
{
  const reach = (wide) => {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  };

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) reach(target);
  });

  const all = document.querySelectorAll(".md-content pre > code, .katex-display, .run code");
  const look = () => all.forEach(reach);

  look(); // at once: an observer's first call may be late
  all.forEach((wide) => resized.observe(wide));
  // A formula may come to need more room when its font is there.
  document.fonts.addEventListener("loadingdone", look);
}
