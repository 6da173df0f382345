// The link to the other language keeps the reader's section: headings have the
// same names in both. An explorer's state, in the address, is kept as it is.
{
  const link = document.querySelector(".language[data-section]");
  const top = document.querySelector(".md-header").offsetHeight + 60;

  const section = () => {
    if (location.hash.includes("=")) return location.hash;
    const heads = document.querySelectorAll(".md-content :is(h2, h3)[id]");
    const read = [...heads].filter((head) => head.getBoundingClientRect().top < top);
    return read.length ? `#${read.at(-1).id}` : "";
  };

  for (const before of ["pointerdown", "focus"])
    link?.addEventListener(before, () => (link.hash = section()));
}
