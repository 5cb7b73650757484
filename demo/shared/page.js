// What holds for the whole page: drops beside any place, downloads, and names and marks for those who use keyboard or screen
// reader. It runs before the page is there, once, as the other scripts of the whole page do (theme.py). The event "page-changed"
// tells all of them, at most once a frame, that something else is shown.

(() => {
  // ---- drops: a file dropped beside every place would replace the page ----

  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.defaultPrevented && !event.target.closest?.("input, textarea, [contenteditable]")) event.preventDefault();
    });
  }

  // ---- downloads: of a file that is no longer there the browser would only say that it failed ----

  const GONE = "This file is no longer kept here: results are deleted after an hour. Paint it again.";
  document.addEventListener("click", async (event) => {
    document.querySelector(".said-once")?.remove();
    const link = event.target.closest?.("a[download]");
    if (!link?.href.includes("gradio_api/file=") || link.dataset.isThere) return;
    event.preventDefault();
    const isGone = await fetch(link.href, { method: "HEAD" }).then((answer) => !answer.ok, () => false);
    if (isGone) return sayOnce(translated(GONE));
    const again = link.cloneNode();
    again.dataset.isThere = "yes";
    document.body.append(again);
    again.click();
    again.remove();
  }, true);
  function sayOnce(text) { // until the next click
    const said = Object.assign(document.createElement("p"), { className: "problem said-once", textContent: text });
    said.setAttribute("role", "alert");
    document.querySelector(".gradio-container").append(said);
  }

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

  function nameEmptyPlaces() { // Gradio's own names, on elements that may have none without a role
    for (const place of document.querySelectorAll('.empty[aria-label]:not([role])')) place.setAttribute("role", "img");
  }

  const TOLD = ["status", "many-status", "sheet-status", "video-status", "compare-status", "loaded"];
  function announce() { // to those who do not see them: what is told of a picture, but not each step on the way
    for (const id of TOLD) document.getElementById(id)?.setAttribute("role", "status");
  }
  for (const mark of [nameThumbnails, nameFolders, nameEmptyPlaces, announce]) document.addEventListener("page-changed", mark);

  // ---- whatever changes ----

  let due = false;
  function tell() {
    due = false;
    document.dispatchEvent(new Event("page-changed"));
  }
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(tell);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["class", "aria-label"] });
})();
