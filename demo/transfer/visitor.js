// The visitor of the tab Transfer (arrival.py): what the browser keeps and says to the page, and the address of the result.

(() => {
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
  // A tab that was duplicated has taken over what was the other's alone. While that is open it holds a lock on its visitor;
  // browsers have locks for https and localhost only, so that elsewhere it says so when it is asked.
  const TRIES = 10, PAUSE = 50; // ms: within half a second a page that is loaded again has let go of its own lock
  const HEARD_WITHIN = 500; // ms, as the other may be busy
  const lock = () => new Promise((done) => {
    navigator.locks.request(`metastyle.${visitor}`, { ifAvailable: true }, (held) => {
      done(held !== null);
      return held && new Promise((letGo) => addEventListener("pagehide", letGo, { once: true }));
    }).catch(() => done(true)); // the browser refuses locks here: nobody has one
  });
  async function isLocked() {
    for (let left = TRIES; left; left--) {
      if (await lock()) return false;
      await new Promise((done) => setTimeout(done, PAUSE));
    }
    return true;
  }
  const keeps = ofTab("visitor") !== null; // where the browser keeps nothing it may refuse locks and messages as well
  const locked = keeps && navigator.locks ? isLocked() : null;
  const pages = keeps && !navigator.locks ? new BroadcastChannel("metastyle") : null;
  pages?.addEventListener("message", ({ data }) => data.visitor === visitor && pages.postMessage({ taken: data.page }));
  let heard = null;
  const isHeard = () => heard ??= new Promise((done) => {
    pages.addEventListener("message", ({ data }) => data.taken === pageName && done(true));
    pages.postMessage({ visitor, page: pageName });
    setTimeout(done, HEARD_WITHIN, false);
  });
  const isTaken = async () => before !== null && (locked ?? isHeard());
  const form = ofTab("form"), kept = JSON.parse(form ?? ofAll("form") ?? "null");
  // Loaded again, come back to, or in another language: then the address is only that of what was there.
  const again = ofTab("again") !== null || performance.getEntriesByType("navigation")[0]?.type !== "navigate";
  ofTab("again", null);
  let settled = false; // before the page has answered the arrival, its values are not the visitor's
  let painted = null, paintedOn = null; // the mask, and the file of the photo on which it was painted

  window.metastyle = {
    isTaken,
    async arrival() {
      if (await isTaken()) {
        ofTab("visitor", visitor = random());
        if (navigator.locks) lock();
      }
      return JSON.stringify({ visitor, page: pageName, query: location.search.slice(1), kept, own: form !== null, again });
    },
    settle(names, values) {
      settled = true;
      this.keep(names, values);
    },
    comeAgain() { // the page is about to be loaded again
      ofTab("again", "yes");
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

  addEventListener("pageshow", ({ persisted }) => { // by Back or Forward, as it was left: the visitor is here again
    if (!persisted) return;
    if (ofAll("left") === visitor) ofAll("left", null);
    if (keeps && navigator.locks) isLocked(); // takes the lock, once the page has let go of its own
  });

  let told = null;
  function showAddress() { // of the result that is shown
    const query = document.querySelector("#status [data-address]")?.dataset.address;
    if (query === undefined || query === told) return;
    told = query;
    const next = new URL(location.href);
    for (const name of RECIPE) next.searchParams.delete(name);
    for (const [name, value] of new URLSearchParams(query)) next.searchParams.set(name, value);
    history.replaceState(history.state, "", next.href.replaceAll("%2C", ","));
  }
  document.addEventListener("page-changed", showAddress);
})();
