// Painting masks on the photo. The value is the mask as a PNG in a data URL, at most 1024 px a side, white where it was
// painted; null where nothing is. Where others than the first painting have masks, it is JSON of a list of such values, one
// for each painting; what was painted last lies above.

const photo = element.querySelector("img"), canvas = element.querySelector("canvas"), pen = canvas.getContext("2d");
const width = element.querySelector("input[type=range]"), save = element.querySelector("a");
const which = element.querySelector("select"); // of the painting whose mask is painted, where there are several
const COLOURS = ["#6a5cff", "#e8590c", "#2b8a3e", "#c2255c"];
const source = document.getElementById(element.querySelector(".masker").dataset.photo); // of the photo
let strokes = [], erasing = false, own = null;

function draw() {
  trace(pen, (stroke) => (stroke.erasing ? null : COLOURS[stroke.place]));
}
function trace(ink, colour) { // all strokes, in a colour for each, or erasing where there is none
  ink.globalCompositeOperation = "source-over";
  ink.clearRect(0, 0, canvas.width, canvas.height);
  ink.lineCap = ink.lineJoin = "round";
  for (const stroke of strokes) {
    const paint = colour(stroke);
    ink.globalCompositeOperation = paint ? "source-over" : "destination-out";
    ink.strokeStyle = paint ?? "black";
    ink.lineWidth = stroke.width;
    ink.beginPath();
    for (const [x, y] of stroke.points) ink.lineTo(x, y);
    const [x, y] = stroke.points.at(-1);
    ink.lineTo(x + 0.01, y); // a line of no length would not show
    ink.stroke();
  }
}
function mask(place) { // of one painting, in which the strokes of the others leave gaps
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const ink = copy.getContext("2d");
  trace(ink, (stroke) => (stroke.erasing || stroke.place !== place ? null : "white"));
  const pixels = ink.getImageData(0, 0, copy.width, copy.height).data;
  if (!pixels.some((value, index) => index % 4 == 3 && value > 127)) return null;
  ink.globalCompositeOperation = "destination-over";
  ink.fillStyle = "black";
  ink.fillRect(0, 0, copy.width, copy.height);
  return copy.toDataURL("image/png");
}
function masks() {
  const all = COLOURS.map((_, place) => (strokes.some((stroke) => stroke.place === place) ? mask(place) : null));
  return all.slice(1).some(Boolean) ? JSON.stringify(all) : all[0];
}
function keep() {
  draw();
  own = strokes.length ? masks() : null;
  if ((props.value || null) !== own) props.value = own;
  const saved = mask(place()); // the one that is painted just now
  save.hidden = !saved;
  if (saved) save.href = saved;
}
function place() {
  return Number(which?.value ?? 0);
}
function follow() {
  const shown = source.querySelector("img")?.src ?? "";
  if (photo.src == shown || (!shown && !photo.getAttribute("src"))) return;
  strokes = [];
  if (shown) photo.src = shown; else photo.removeAttribute("src");
  keep();
}
photo.addEventListener("load", () => {
  const scale = Math.min(1, 1024 / Math.max(photo.naturalWidth, photo.naturalHeight));
  canvas.width = Math.round(scale * photo.naturalWidth);
  canvas.height = Math.round(scale * photo.naturalHeight);
  draw();
});
function point(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
}
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  const wide = Number(width.value) / 100 * Math.max(canvas.width, canvas.height);
  strokes.push({ erasing, place: place(), width: wide, points: [point(event)] });
  draw();
});
canvas.addEventListener("pointermove", (event) => {
  if (!canvas.hasPointerCapture(event.pointerId)) return;
  strokes.at(-1).points.push(point(event));
  draw();
});
canvas.addEventListener("pointerup", (event) => {
  if (!canvas.hasPointerCapture(event.pointerId)) return;
  canvas.releasePointerCapture(event.pointerId);
  keep();
});
element.querySelector(".tools").addEventListener("click", (event) => {
  const { tool, do: action } = event.target.dataset;
  if (tool) {
    erasing = tool == "eraser";
    for (const button of element.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button == event.target);
  }
  if (action) {
    strokes = action == "undo" ? strokes.slice(0, -1) : [];
    keep();
  }
});
which?.addEventListener("change", keep);
watch("value", () => {
  if ((props.value || null) === own) return;
  strokes = []; // taken away, or replaced by what cannot be painted on
  keep();
});
const changes = { subtree: true, childList: true, attributeFilter: ["src"] };
new MutationObserver(follow).observe(source, changes);
follow();
