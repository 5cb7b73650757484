// Painting masks on the photo. The value is the mask as a PNG in a data URL, at most 1024 px a side, white where it was
// painted; null where nothing is. Where others than the first painting have masks, it is JSON of a list of such values, one
// for each painting; what was painted last lies above. A value that comes from the page, as after a reload, lies under what is
// painted then.

const photo = element.querySelector("img"), canvas = element.querySelector("canvas"), pen = canvas.getContext("2d");
const width = element.querySelector("input[type=range]"), save = element.querySelector("a");
const which = element.querySelector("select"); // of the painting whose mask is painted, where there are several
const COLOURS = ["#6a5cff", "#e8590c", "#2b8a3e", "#c2255c"];
const source = document.getElementById(element.querySelector(".masker").dataset.photo); // of the photo
let strokes = [], layers = [], erasing = false, own = null; // layers: canvases of what came from the page, by place

function draw() {
  trace(pen, (stroke) => (stroke.erasing ? null : COLOURS[stroke.place]));
}
function trace(ink, colour) { // all layers and strokes, in a colour for each; a stroke without one erases
  ink.globalCompositeOperation = "source-over";
  ink.clearRect(0, 0, canvas.width, canvas.height);
  layers.forEach((layer, place) => {
    const paint = layer && colour({ place, erasing: false });
    if (paint) ink.drawImage(tinted(layer, paint), 0, 0, canvas.width, canvas.height);
  });
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
function tinted(layer, paint) {
  const ink = layer.getContext("2d");
  ink.globalCompositeOperation = "source-in"; // where there is something, this colour
  ink.fillStyle = paint;
  ink.fillRect(0, 0, layer.width, layer.height);
  return layer;
}
function masks() {
  const isUsed = (place) => layers[place] || strokes.some((stroke) => stroke.place === place);
  const all = COLOURS.map((_, place) => (isUsed(place) ? mask(place) : null));
  return all.slice(1).some(Boolean) ? JSON.stringify(all) : all[0];
}
function keep() {
  draw();
  own = strokes.length || layers.length ? masks() : null;
  if ((props.value || null) !== own) props.value = own;
  offer();
}
function offer() {
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
  if (shown) photo.src = shown; else photo.removeAttribute("src");
  if (!strokes.length && !layers.length) return; // the value, if there is one, came with this photo
  [strokes, layers] = [[], []];
  keep();
}
async function adopt() { // what came from the page, once a photo that came with it is there too
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const value = props.value || null;
  if (value === own) return;
  const urls = value?.startsWith("[") ? JSON.parse(value) : [value];
  const found = await Promise.all(urls.map((url) => (url ? layerOf(url) : null)));
  if ((props.value || null) !== value) return; // another one came meanwhile
  [strokes, layers, own] = [[], found.some(Boolean) ? found : [], value];
  draw();
  offer();
}
async function layerOf(url) { // white on black, as white on nothing
  const picture = Object.assign(new Image(), { src: url });
  await picture.decode();
  const layer = Object.assign(document.createElement("canvas"), { width: picture.naturalWidth, height: picture.naturalHeight });
  const ink = layer.getContext("2d");
  ink.drawImage(picture, 0, 0);
  const image = ink.getImageData(0, 0, layer.width, layer.height);
  for (let at = 0; at < image.data.length; at += 4) image.data[at + 3] = image.data[at];
  ink.putImageData(image, 0, 0);
  return layer;
}
photo.addEventListener("load", () => {
  const scale = Math.min(1, 1024 / Math.max(photo.naturalWidth, photo.naturalHeight));
  canvas.width = Math.round(scale * photo.naturalWidth);
  canvas.height = Math.round(scale * photo.naturalHeight);
  draw();
  offer();
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
    if (action == "clear") layers = [];
    keep();
  }
});
which?.addEventListener("change", keep);
watch("value", () => {
  if ((props.value || null) !== own) adopt();
});
const changes = { subtree: true, childList: true, attributeFilter: ["src"] };
new MutationObserver(follow).observe(source, changes);
follow();
adopt();
