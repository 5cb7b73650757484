// Sliders: those of the whole page, under a finger that scrolls the page, and by keys; and the line between two pictures.

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
    const input = event.target; // a number may be pasted or dropped by mouse too
    if (!input.matches?.(byKey ? "[data-testid=range-input], [data-testid=number-input]" : "[data-testid=number-input]")) return;
    clearTimeout(letGo);
    letGo = setTimeout(() => input.dispatchEvent(new PointerEvent("pointerup", { bubbles: true })), LET_GO);
  }, true);

  // ---- the line between two pictures (before_after.html, history.html) ----

  // Mouse and finger are on the pictures, not on the range input that says where the line is. So a right click, or a finger
  // held still, opens the browser's own menu of a picture, by which it is kept or copied.
  const HELD = 500; // ms: a finger that stays as long is after the menu; some browsers open it when the finger is lifted
  const STILL = 8; // px by which a finger strays that is held still
  let pressed = null; // {range, value, x, since, moves}, while a mouse button or a finger is down

  function rangeOf({ target, button, ctrlKey }) { // of what was pressed; Ctrl makes a right click on a Mac
    const stage = button || ctrlKey || target.closest?.("button") ? null : target.closest?.(".stage");
    return stage?.querySelector(":scope > input[type=range]");
  }
  function moveLine(event) {
    const { left, width } = pressed.range.getBoundingClientRect();
    setLine(100 * (event.clientX - left) / width);
  }
  function setLine(share) {
    pressed.range.value = share;
    pressed.range.dispatchEvent(new Event("input", { bubbles: true }));
  }
  document.addEventListener("pointerdown", (event) => {
    const range = rangeOf(event);
    if (!range || !event.isPrimary) return;
    const moves = event.pointerType === "mouse"; // at once; a finger when it moves aside, or is lifted soon
    pressed = { range, value: range.value, x: event.clientX, since: event.timeStamp, moves };
    if (!moves) return;
    event.target.setPointerCapture(event.pointerId);
    moveLine(event);
  });
  document.addEventListener("pointermove", (event) => {
    if (!pressed || !event.isPrimary) return;
    pressed.moves ||= Math.abs(event.clientX - pressed.x) > STILL;
    if (pressed.moves) moveLine(event);
  });
  document.addEventListener("pointerup", (event) => {
    if (!pressed || !event.isPrimary) return;
    if (!pressed.moves && event.timeStamp - pressed.since < HELD) moveLine(event);
    pressed = null;
  });
  for (const other of ["pointercancel", "contextmenu"]) { // the finger scrolls the page, or has opened the menu
    document.addEventListener(other, () => {
      if (pressed?.moves) setLine(pressed.value);
      pressed = null;
    });
  }
  document.addEventListener("mousedown", (event) => { // in place of what it does to a picture, which is to be dragged away
    const range = rangeOf(event);
    if (!range) return;
    event.preventDefault();
    range.focus({ preventScroll: true });
  });
})();
