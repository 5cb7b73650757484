// Painting a mask on the photo. The value is the mask as a PNG in a data URL, at most 1024 px a side, white where it was
// painted; null where nothing is.

const photo = element.querySelector("img"), canvas = element.querySelector("canvas"), pen = canvas.getContext("2d");
const width = element.querySelector("input"), save = element.querySelector("a");
const source = document.getElementById(element.querySelector(".masker").dataset.photo); // of the photo
let strokes = [], erasing = false, own = null;

function draw() {
  pen.globalCompositeOperation = "source-over";
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#6a5cff";
  for (const stroke of strokes) {
    pen.globalCompositeOperation = stroke.erasing ? "destination-out" : "source-over";
    pen.lineWidth = stroke.width;
    pen.beginPath();
    for (const [x, y] of stroke.points) pen.lineTo(x, y);
    const [x, y] = stroke.points.at(-1);
    pen.lineTo(x + 0.01, y); // a line of no length would not show
    pen.stroke();
  }
}
function mask() {
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  if (!pixels.some((value, index) => index % 4 == 3 && value > 127)) return null;
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const ink = copy.getContext("2d");
  ink.drawImage(canvas, 0, 0);
  for (const [mode, colour] of [["source-in", "white"], ["destination-over", "black"]]) {
    ink.globalCompositeOperation = mode;
    ink.fillStyle = colour;
    ink.fillRect(0, 0, copy.width, copy.height);
  }
  return copy.toDataURL("image/png");
}
function keep() {
  draw();
  own = strokes.length ? mask() : null;
  if ((props.value || null) !== own) props.value = own;
  save.hidden = !own;
  if (own) save.href = own;
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
  strokes.push({ erasing, width: wide, points: [point(event)] });
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
watch("value", () => {
  if ((props.value || null) === own) return;
  strokes = []; // taken away, or replaced by what cannot be painted on
  keep();
});
const changes = { subtree: true, childList: true, attributeFilter: ["src"] };
new MutationObserver(follow).observe(source, changes);
follow();
