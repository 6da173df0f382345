// Shows the picture on the home page once more.
{
  document.querySelector("[data-replay]")?.addEventListener("click", () => {
    for (const animation of document.getAnimations()) {
      if (animation.effect.target.closest(".keeper")) {
        animation.cancel();
        animation.play();
      }
    }
  });
}
