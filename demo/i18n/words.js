// The page's language: how another is chosen, and the words that Gradio and Plotly have in English alone.

(() => {
  // ---- the choice: ?lang=zh, kept for the next visit ----

  const LANGUAGES = { en: "en", "zh-CN": "zh" }; // tag -> name, as the server has them
  const language = document.documentElement.lang;
  function speak(tag) {
    const next = new URL(location.href);
    next.searchParams.set("lang", LANGUAGES[tag]);
    document.cookie = `metastyle-language=${LANGUAGES[tag]}; path=${next.pathname}; max-age=31536000; samesite=lax`;
    window.metastyle.comeAgain();
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
  document.addEventListener("page-changed", markLanguage);

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
  wordsOfStyles();
  for (const say of [sayPlainly, translateGradio]) document.addEventListener("page-changed", say);
})();
