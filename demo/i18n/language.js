// The page's language, before Gradio starts. The server has chosen it and says so in <html lang>. Gradio goes by the
// browser's, which may be another: it is told the page's. `translated` is the catalogue for our own scripts.

(() => {
  const language = document.documentElement.lang;
  Object.defineProperty(navigator, "language", { get: () => language, configurable: true });
  window.translated = (text, values = {}) => {
    const found = window.gradio_config?.i18n_translations?.[language]?.[text] ?? text;
    return found.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  };
})();
