// What holds for the whole page: names and marks for those who use keyboard or screen reader, sliders that let a finger
// scroll, drops beside any place, and the tab in the address. It runs before the page is there, once.

(() => {
  const WORDS = { folder: (name, open) => `${name}, ${open ? "open" : "folded"}` };

  // ---- drops: a file dropped beside every place would replace the page ----

  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.defaultPrevented && !event.target.closest?.("input, textarea, [contenteditable]")) event.preventDefault();
    });
  }

  // ---- sliders: a swipe that scrolls the page leaves the value as it was ----

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

  // ---- names and marks ----

  function nameThumbnails() {
    for (const button of document.querySelectorAll(".thumbnails .thumbnail-item, .grid-wrap .thumbnail-item")) {
      const caption = button.querySelector(".caption-label")?.textContent.trim();
      if (caption && button.getAttribute("aria-label") !== caption) button.setAttribute("aria-label", caption);
    }
    for (const gallery of document.querySelectorAll(".thumbnails")) {
      const note = [...gallery.classList].find((name) => name.startsWith("in-"))?.slice(3);
      if (!note) continue;
      const used = document.getElementById(note)?.textContent.trim();
      for (const button of gallery.querySelectorAll(".thumbnail-item")) {
        const pressed = String(button.getAttribute("aria-label") === used);
        if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
      }
    }
  }
  function nameFolders() {
    for (const button of document.querySelectorAll("button.label-wrap")) {
      const open = String(button.classList.contains("open"));
      if (button.getAttribute("aria-expanded") !== open) button.setAttribute("aria-expanded", open);
      const icon = button.querySelector(".icon");
      if (icon && !icon.hasAttribute("aria-hidden")) icon.setAttribute("aria-hidden", "true");
    }
  }

  // ---- the tab in the address: ?tab=compare ----

  const tabButtons = () => [...document.querySelectorAll(".gradio-container [role=tablist] [role=tab]")];
  const TABS = ["transfer", "many", "compare", "report", "growth", "video", "live"];
  const address = () => new URL(location.href);
  const nameOf = (button) => button.dataset.tabId ?? "";
  let arrived = false;

  function openTab(name) {
    const button = tabButtons().find((candidate) => nameOf(candidate) === name);
    if (button && button.getAttribute("aria-selected") !== "true") button.click();
    return Boolean(button);
  }
  function arrive() { // once the tabs are there
    if (arrived || !tabButtons().some((button) => TABS.includes(nameOf(button)))) return;
    arrived = true;
    const wanted = address().searchParams.get("tab");
    if (TABS.includes(wanted)) openTab(wanted);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[role=tab]"), name = button && nameOf(button);
    if (!TABS.includes(name) || !event.isTrusted) return;
    const next = address();
    if ((next.searchParams.get("tab") ?? "transfer") === name) return;
    if (name === "transfer") next.searchParams.delete("tab"); else next.searchParams.set("tab", name);
    history.pushState({}, "", next);
  }, true);
  addEventListener("popstate", () => openTab(address().searchParams.get("tab") ?? "transfer"));

  // ---- together ----

  let due = false;
  function tend() {
    due = false;
    arrive();
    nameThumbnails();
    nameFolders();
  }
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(tend);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["class", "aria-label"] });
})();
