// A second copy button on each block of the page's program: the page so far,
// a program that runs as it is. And one for the block itself where the page
// shows only the ends of it; the whole is in the notebook that the page offers.

const blocks = [
  ...document.querySelectorAll(".md-content .language-python code"),
].filter((code) => !code.closest(".language-python").querySelector(".filename"));

const notebook = async () => {
  const link = document.querySelector(".run a[href$='.ipynb']");
  const { cells } = await (await fetch(link.href)).json();
  return cells.filter((cell) => cell.cell_type === "code");
};

const program = async (codes) => {
  const isShort = (code) => code.closest("[data-shortened]");
  const cells = codes.some(isShort) ? await notebook() : [];
  const texts = codes.map((code) =>
    isShort(code)
      ? [cells[blocks.indexOf(code)].source].flat().join("")
      : code.textContent,
  );
  return texts.map((text) => text.replace(/\n+$/, "")).join("\n\n\n") + "\n";
};

const status = document.createElement("div");
status.setAttribute("role", "status");
status.className = "copy-status";
document.body.append(status);

const offer = (block, label, codes) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-so-far";
  button.textContent = label;
  button.addEventListener("click", async () => {
    // As a promise: what has to be fetched first may be copied all the same.
    const text = program(codes).then((text) => new Blob([text], { type: "text/plain" }));
    try {
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
      button.textContent = "copied";
      status.textContent = `Copied ${codes.length} block${codes.length > 1 ? "s" : ""}`;
    } catch {
      button.textContent = "not copied: take the .py above";
      status.textContent = button.textContent;
    }
    setTimeout(() => (button.textContent = label), 2000);
  });
  block.parentElement.append(button);
};

blocks.forEach((block, index) => {
  if (block.closest("[data-shortened]")) offer(block, "copy this block", [block]);
  // For the first block the ordinary button copies the same.
  if (index > 0) offer(block, "copy the page so far", blocks.slice(0, index + 1));
});
