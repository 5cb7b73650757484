// Sliders: those of the whole page, under a finger that scrolls the page, and by keys.

(() => {
  // ---- a swipe that scrolls the page leaves the value as it was ----

  const held = new WeakMap(); // slider -> its value when the finger came
  const isSlider = (target) => target?.matches?.("input[type=range]");
  const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  document.addEventListener("pointerdown", (event) => {
    if (isSlider(event.target) && event.pointerType !== "mouse") held.set(event.target, event.target.value);
  }, true);
  document.addEventListener("pointercancel", (event) => {
    const slider = event.target, value = held.get(slider);
    if (value === undefined) return;
    const restore = () => {
      if (slider.value === value) return;
      write.call(slider, value);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      slider.dispatchEvent(new Event("change", { bubbles: true }));
    };
    restore();
    setTimeout(restore); // the browser may still tell of the value it had set
    held.delete(slider);
  }, true);

  // ---- by keys ----

  // Gradio tells that a slider was let go by mouse or finger alone: after keys it is when no further one has come for a while.
  const LET_GO = 500; // ms
  let byKey = false, letGo = 0;
  document.addEventListener("keydown", () => { byKey = true; }, true);
  document.addEventListener("pointerdown", () => { byKey = false; }, true);
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (!byKey || !input.matches?.("[data-testid=range-input], [data-testid=number-input]")) return;
    clearTimeout(letGo);
    letGo = setTimeout(() => input.dispatchEvent(new PointerEvent("pointerup", { bubbles: true })), LET_GO);
  }, true);
})();
