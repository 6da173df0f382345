// The buttons above a block of code: the block, or the page so far, a program
// that runs as it is. Where the page shows only the ends of a block, the whole
// is in the notebook that the page offers.
{
  const say = (english) => window.words?.[english] ?? english;
  const blocks = [
    ...document.querySelectorAll(".md-content .language-python .strip + pre code"),
  ];
  const isShort = (code) => code.closest("[data-shortened]");

  const notebook = async () => {
    const link = document.querySelector(".run a[href$='.ipynb']");
    const { cells } = await (await fetch(link.href)).json();
    return cells.filter((cell) => cell.cell_type === "code");
  };

  const program = async (codes) => {
    const cells = codes.some(isShort) ? await notebook() : [];
    const texts = codes.map((code) =>
      isShort(code)
        ? [cells[blocks.indexOf(code)].source].flat().join("")
        : code.textContent,
    );
    return texts.map((text) => text.replace(/\n+$/, "")).join("\n\n\n") + "\n";
  };

  const wanted = (button) => {
    const code = button.closest(".run, .highlight").querySelector("code");
    const isProgram = button.dataset.copy === "so-far";
    return isProgram ? blocks.slice(0, blocks.indexOf(code) + 1) : [code];
  };

  const status = document.createElement("div");
  status.setAttribute("role", "status");
  status.className = "copy-status";
  document.body.append(status);

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-copy]");
    if (!button || button.dataset.label) return;
    button.dataset.label = button.textContent;
    // As a promise: what has to be fetched first may be copied all the same.
    const text = program(wanted(button)).then(
      (text) => new Blob([text], { type: "text/plain" }),
    );
    try {
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
      button.textContent = say("Copied");
    } catch {
      button.textContent = say("Not copied: take the .py above");
    }
    status.textContent = button.textContent;
    setTimeout(() => {
      button.textContent = button.dataset.label;
      delete button.dataset.label;
    }, 2000);
  });
}
