// A second copy button on each block of the page's program: the page so far,
// a program that runs as it is.

const blocks = [
  ...document.querySelectorAll(".md-content .language-python code"),
].filter((code) => !code.closest(".language-python").querySelector(".filename"));

const text = (code) => code.textContent.replace(/\n+$/, "");

const status = document.createElement("div");
status.setAttribute("role", "status");
status.className = "copy-status";
document.body.append(status);

blocks.forEach((block, index) => {
  if (index === 0) return; // the ordinary button copies the same
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-so-far";
  button.textContent = "copy the page so far";
  button.addEventListener("click", async () => {
    const program = blocks.slice(0, index + 1).map(text).join("\n\n\n");
    await navigator.clipboard.writeText(program + "\n");
    button.textContent = "copied";
    status.textContent = `Copied ${index + 1} blocks`;
    setTimeout(() => (button.textContent = "copy the page so far"), 2000);
  });
  block.parentElement.append(button);
});
