// The strip of this visit's results, in the tab of the result: a click on two of them compares them. It watches
// the finished result on the page (the right half of #slider while #status holds .facts; drafts of refining have
// a progress bar there), and keeps a small copy in IndexedDB. A visit is a browser tab's: its name lies in
// sessionStorage; what other visits left is deleted when it is a day old.

const LONGEST = 1024, MOST = 24, DAY = 24 * 3600 * 1000, SETTLED = 250; // px, results, ms, ms
const section = element.querySelector(".visit"), list = element.querySelector(".results");
const said = element.querySelector(".said"), dialog = element.querySelector("dialog");
const stage = dialog.querySelector(".stage"), range = dialog.querySelector("input");
let visit = visitName();
let results = []; // {key, visit, time, name, facts, picture: Blob}, newest first
let chosen = [], last = null, timer = 0, touched = false;

// ---- kept in the browser; without IndexedDB they last as long as the page ----

function visitName() {
  const fresh = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  try {
    return (sessionStorage.metastyleVisit ??= fresh);
  } catch {
    return fresh;
  }
}
function answer(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
async function store(work) {
  try {
    const opening = indexedDB.open("metastyle", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("results", { keyPath: "key" });
    const base = await answer(opening);
    try {
      return await work(base.transaction("results", "readwrite").objectStore("results"));
    } finally {
      base.close();
    }
  } catch (error) {
    console.warn("The strip is not kept:", error);
  }
}
async function restore() {
  if (await window.metastyle?.isTaken()) { // the browser duplicated the tab: the visit is the other's
    sessionStorage.removeItem("metastyleVisit");
    visit = visitName();
  }
  const all = (await store((kept) => answer(kept.getAll()))) ?? [];
  const mine = all.filter(({ key, visit: name }) => name === visit && !results.some((result) => result.key === key));
  results = [...results, ...mine].sort((a, b) => b.time - a.time);
  forget(all.filter((result) => result.visit !== visit && Date.now() - result.time > DAY));
  draw();
}
function forget(gone) {
  return gone.length && store((kept) => Promise.all(gone.map(({ key }) => answer(kept.delete(key)))));
}

// ---- from the page ----

function look() {
  const image = document.querySelector("#slider img.after"), facts = document.querySelectorAll("#status .facts span");
  const source = image?.getAttribute("src");
  if (!source || !facts.length || source === last) return;
  last = source;
  if (!touched) return; // the page opens with a result of its own
  keep(image.src, [...facts].map((fact) => fact.textContent));
}
function touch() {
  last = document.querySelector("#slider img.after")?.getAttribute("src"); // the page's own, however soon the touch comes
  touched = true;
}
async function keep(address, facts) {
  try {
    const picture = await small(await (await fetch(address)).blob());
    const time = Date.now(), key = `${visit}-${time}`;
    const result = { key, visit, time, name: nameOf(address), facts, picture };
    results = [result, ...results];
    const gone = results.splice(MOST);
    draw();
    await store((kept) => answer(kept.put(result)));
    await forget(gone);
  } catch (error) {
    console.warn("A result did not enter the strip:", error);
  }
}
async function small(blob) {
  const whole = await createImageBitmap(blob), scale = Math.min(1, LONGEST / Math.max(whole.width, whole.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(whole.width * scale);
  canvas.height = Math.round(whole.height * scale);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(whole, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob((picture) => (picture ? done(picture) : failed(new Error("it cannot be encoded"))), "image/jpeg", 0.92);
  });
}
function nameOf(address) {
  const file = decodeURIComponent(address.split("/").pop()).replace(/\.png$/, "");
  const [content, style] = file.split("__").map((part) => part.replaceAll("_", " "));
  return style ? translated("{content} in {style}", { content, style }) : content;
}

// ---- the strip ----

function draw() {
  chosen = chosen.filter((result) => results.includes(result));
  section.hidden = !results.length;
  const had = new Map([...list.children].map((button) => [button.dataset.key, button]));
  list.replaceChildren(...results.map((result) => had.get(result.key) ?? thumbnail(result)));
  [...list.children].forEach((button, index) => {
    button.setAttribute("aria-pressed", chosen.includes(results[index]));
  });
  for (const [key, button] of had) {
    if (!results.some((result) => result.key === key)) URL.revokeObjectURL(button.querySelector("img").src);
  }
  said.textContent = chosen.length === 1 ? translated("{name}: click another one to compare it with.", chosen[0]) : "";
}
function thumbnail(result) {
  const button = document.createElement("button"), image = document.createElement("img");
  button.type = "button";
  button.dataset.key = result.key;
  button.title = [result.name, ...result.facts].join(" · ");
  button.setAttribute("aria-label", `${result.name}, ${result.facts[0]}`);
  image.alt = "";
  image.src = URL.createObjectURL(result.picture);
  button.append(image);
  button.addEventListener("click", () => choose(result));
  return button;
}
function choose(result) {
  chosen = chosen.includes(result) ? chosen.filter((other) => other !== result) : [...chosen, result];
  if (chosen.length === 2) compare(...chosen);
  draw();
}
function empty() {
  forget(results);
  results = [];
  draw();
}

// ---- two of them ----

function compare(...pair) {
  ["before", "after"].forEach((side, index) => {
    const { key, name, facts } = pair[index];
    const image = list.querySelector(`[data-key="${key}"] img`);
    stage.querySelector(`img.${side}`).src = image.src;
    stage.querySelector(`img.${side}`).alt = name;
    const title = Object.assign(document.createElement("strong"), { textContent: name });
    const settings = facts.filter((fact) => !/ s$|^(photo|照片) /.test(fact)); // times and sizes of the inputs say nothing here
    dialog.querySelector(`p.${side}`).replaceChildren(title, ` ${settings.join(" · ")}`);
    if (!index) stage.style.setProperty("--ratio", (image.naturalWidth || 4) / (image.naturalHeight || 3));
  });
  range.value = 50;
  move();
  dialog.showModal();
  range.focus();
}
function move() {
  stage.style.setProperty("--at", `${range.value}%`);
  range.setAttribute("aria-valuetext", `${range.value} %`);
}

range.addEventListener("input", move);
dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => {
  chosen = [];
  draw();
});
element.querySelector(".empty").addEventListener("click", empty);
for (const event of ["pointerdown", "keydown", "drop", "paste"]) {
  document.addEventListener(event, touch, { capture: true, once: true });
}
new MutationObserver(() => {
  clearTimeout(timer);
  timer = setTimeout(look, SETTLED); // slider and status do not change at the same moment
}).observe(element.closest(".tabitem, [role=tabpanel]") ?? document.body, {
  attributeFilter: ["src"],
  characterData: true,
  childList: true,
  subtree: true,
});
timer = setTimeout(look, SETTLED);
restore();
