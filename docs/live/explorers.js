// Loads the module of each explorer when it comes near; all of them at once if
// the address may hold a state of one.
const waiting = [...document.querySelectorAll(":not(:defined)")];
const come = ({ localName }) => import(`./${localName}.js`);
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen)
    if (isIntersecting) {
      near.unobserve(target);
      come(target);
    }
}, { rootMargin: "400px" });
waiting.forEach((explorer) => near.observe(explorer));
const linked = () => location.hash.includes("=") && waiting.forEach(come);
addEventListener("hashchange", linked);
linked();
