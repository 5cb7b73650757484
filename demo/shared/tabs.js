// The tab in the address: ?tab=compare.

(() => {
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
    const wanted = address().searchParams.get("tab");
    if (TABS.includes(wanted)) openTab(wanted);
  }
  document.addEventListener("page-changed", arrive);
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
})();
