// What holds for the whole page: names and marks for those who use keyboard or screen reader, sliders that let a finger
// scroll, drops beside any place, and the tab in the address. It runs before the page is there, once.

(() => {
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

  // ---- the tab in the address: ?tab=compare ----

  const tabButtons = () => [...document.querySelectorAll(".gradio-container [role=tablist] [role=tab]")];
  const TABS = ["transfer", "many", "compare", "report", "growth", "video", "live"];
  const address = () => new URL(location.href);
  const nameOf = (button) => button.dataset.tabId ?? "";
  let arrived = false;

  function tabs() { // name -> button; on a phone the others are in a menu, in order, without role or name
    const shown = new Map(tabButtons().map((button) => [nameOf(button), button]));
    const others = TABS.filter((name) => !shown.has(name));
    const menu = document.querySelectorAll(".gradio-container .overflow-dropdown button");
    return new Map([...shown, ...[...menu].map((button, index) => [others[index], button])]);
  }
  function openTab(name) {
    const button = tabs().get(name);
    if (button?.getAttribute("aria-selected") !== "true") button?.click();
  }
  function arrive() { // once the tabs are there
    if (arrived || !tabButtons().some((button) => TABS.includes(nameOf(button)))) return;
    arrived = true;
    wordsOfStyles();
    const wanted = address().searchParams.get("tab");
    if (TABS.includes(wanted)) openTab(wanted);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[role=tab], .overflow-dropdown button");
    const name = [...tabs()].find(([, each]) => each === button)?.[0];
    if (!TABS.includes(name) || !event.isTrusted) return;
    const next = address();
    if ((next.searchParams.get("tab") ?? "transfer") === name) return;
    if (name === "transfer") next.searchParams.delete("tab"); else next.searchParams.set("tab", name);
    history.pushState({}, "", next);
  }, true);
  addEventListener("popstate", () => openTab(address().searchParams.get("tab") ?? "transfer"));

  // ---- the language: ?lang=zh, kept for the next visit ----

  const LANGUAGES = { en: "en", "zh-CN": "zh" }; // tag -> name, as the server has them
  const language = document.documentElement.lang;
  function speak(tag) {
    const next = address();
    next.searchParams.set("lang", LANGUAGES[tag]);
    document.cookie = `metastyle-language=${LANGUAGES[tag]}; path=${next.pathname}; max-age=31536000; samesite=lax`;
    ofTab("again", "yes");
    location.assign(next.href.replaceAll("%2C", ","));
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".languages a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return; // a new window keeps the choice to itself
    event.preventDefault();
    speak(link.lang);
  });
  new MutationObserver(() => { // Gradio's own settings have chosen another
    const now = document.documentElement.lang;
    if (now !== language && LANGUAGES[now]) speak(now);
  }).observe(document.documentElement, { attributeFilter: ["lang"] });
  function markLanguage() {
    for (const link of document.querySelectorAll(".languages a")) {
      const current = language === link.lang;
      if (current !== link.hasAttribute("aria-current")) current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }
  }

  // ---- words that Gradio and Plotly have in English alone ----

  const SAID_IN = ["aria-label", "title", "alt", "placeholder", "data-title"];
  const TEMPLATES = ["number input for {label}", "range slider for {label}", "queue: {place} |", "File: {name}",
    "Invalid file type: {names}. Only {kinds} allowed.", "Invalid file types: {names}. Only {kinds} allowed.", "Snapshot succeeded - {name}"];
  const PATTERNS = TEMPLATES.map((template) => {
    const literal = template.replace(/[.|]/g, "\\$&").replace(/\{(\w+)\}/g, "(?<$1>.*)");
    return [template, new RegExp(`^${literal}$`, "s")];
  });
  function inLanguage(text) {
    const [template, pattern] = PATTERNS.find(([, pattern]) => pattern.test(text)) ?? [text];
    return translated(template, pattern?.exec(text).groups);
  }
  function wordsOfStyles() { // what stylesheets put on buttons, as "content"
    const style = document.documentElement.style;
    for (const word of ["Start", "Stop"]) style.setProperty(`--said-${word.toLowerCase()}`, JSON.stringify(translated(word)));
  }
  function sayPlainly() { // an upload that was refused, of which Gradio shows the answer as it came
    for (const part of document.querySelectorAll("[data-testid=toast-text]")) {
      const told = /^HTTP \d+: \{"detail":"(.*)"\}$/.exec(part.textContent.trim())?.[1];
      if (told) part.textContent = told;
    }
  }
  function translateGradio() {
    if (language === "en") return;
    for (const name of SAID_IN) {
      for (const part of document.querySelectorAll(`[${name}]`)) {
        const text = part.getAttribute(name).trim(), known = inLanguage(text);
        if (known !== text) part.setAttribute(name, known);
      }
    }
    for (const part of document.querySelectorAll("button, .toast-title-row, [data-testid=toast-text], .progress-text, .notifier-note")) {
      const words = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
      while (words.nextNode()) {
        const text = words.currentNode.data.trim(), known = inLanguage(text);
        if (known !== text) words.currentNode.data = known;
      }
    }
  }

  // ---- the visitor: what the browser keeps, and says to the page ----

  const RECIPE = ["photo", "style", "mix", "model", "mode", "batches", "strength", "colours", "size", "style_size", "detail", "crop"];
  const MOST = 300000; // characters: a painted mask may be larger, and is then not kept
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const stored = (store, name, value) => { // null where the browser keeps nothing; a value of null is taken away
    try {
      const kept = window[store];
      if (value !== undefined) value === null ? kept.removeItem(name) : kept.setItem(name, value);
      return kept.getItem(name);
    } catch {
      return null;
    }
  };
  // A browser tab is a visitor of its own, with its own form. The next tab that is opened takes up the one that was left last.
  const ofTab = (name, value) => stored("sessionStorage", `metastyle.${name}`, value);
  const ofAll = (name, value) => stored("localStorage", `metastyle.${name}`, value);
  const left = ofAll("left"), before = ofTab("visitor"), pageName = random();
  let visitor = before ?? left ?? random();
  ofTab("visitor", visitor);
  if (visitor === left) ofAll("left", null);
  // A tab that was duplicated has taken over what was the other's alone: where that is still open, it says so.
  const HEARD_WITHIN = 500; // ms, as the other may be busy
  const pages = ofTab("visitor") ? new BroadcastChannel("metastyle") : null; // refused as well where the browser keeps nothing
  pages?.addEventListener("message", ({ data }) => data.visitor === visitor && pages.postMessage({ taken: data.page }));
  let asked = before ? null : Promise.resolve(false);
  const isTaken = () => asked ??= new Promise((done) => {
    pages.addEventListener("message", ({ data }) => data.taken === pageName && done(true));
    pages.postMessage({ visitor, page: pageName });
    setTimeout(done, HEARD_WITHIN, false);
  });
  const form = ofTab("form"), kept = JSON.parse(form ?? ofAll("form") ?? "null");
  // Loaded again, come back to, or in another language: then the address is only that of what was there.
  const again = ofTab("again") !== null || performance.getEntriesByType("navigation")[0]?.type !== "navigate";
  ofTab("again", null);
  let settled = false; // before the page has answered the arrival, its values are not the visitor's
  let painted = null, paintedOn = null; // the mask, and the file of the photo on which it was painted

  window.metastyle = {
    isTaken,
    async arrival() {
      if (await isTaken()) ofTab("visitor", visitor = random());
      return JSON.stringify({ visitor, page: pageName, query: location.search.slice(1), kept, own: form !== null, again });
    },
    settle(names, values) {
      settled = true;
      this.keep(names, values);
    },
    keep(names, values) {
      if (!settled) return;
      const form = Object.fromEntries(names.map((name, index) => [name, values[index]]));
      if (form.painted !== painted) [painted, paintedOn] = [form.painted, form.content?.path];
      const whole = JSON.stringify(form), text = whole.length < MOST ? whole : JSON.stringify({ ...form, painted: undefined });
      ofTab("form", text);
      ofAll("form", text);
    },
    maskOn(photo, mask) { // of another photo there is none; where the mask is unfolded, its own script has seen to that
      return mask && mask === painted && photo?.path !== paintedOn ? null : mask;
    },
  };
  addEventListener("pagehide", () => {
    const body = new Blob([JSON.stringify({ data: [visitor, pageName] })], { type: "application/json" });
    navigator.sendBeacon?.("gradio_api/run/leave", body);
    ofAll("left", visitor);
  });

  let told = null;
  function showAddress() { // of the result that is shown
    const query = document.querySelector("#status [data-address]")?.dataset.address;
    if (query === undefined || query === told) return;
    told = query;
    const next = address();
    for (const name of RECIPE) next.searchParams.delete(name);
    for (const [name, value] of new URLSearchParams(query)) next.searchParams.set(name, value);
    history.replaceState(history.state, "", next.href.replaceAll("%2C", ","));
  }

  // ---- together ----

  let due = false;
  const TOLD = ["status", "many-status", "sheet-status", "video-status", "compare-status", "loaded"];
  function announce() { // to those who do not see them: what is told of a picture, but not each step on the way
    for (const id of TOLD) document.getElementById(id)?.setAttribute("role", "status");
  }
  function tend() {
    due = false;
    arrive();
    nameThumbnails();
    nameFolders();
    nameEmptyPlaces();
    announce();
    showAddress();
    markLanguage();
    sayPlainly();
    translateGradio();
  }
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(tend);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["class", "aria-label"] });
})();
