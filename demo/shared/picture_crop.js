// The part of a picture that counts (picture_place.py), chosen in a dialog by drawing a box or by moving its edges. It goes
// into the value as crop: [left, top, right, bottom], shares of width and height; without it the whole picture counts.

const cropButton = element.querySelector(".crop"), cropView = element.querySelector(".crop-view");
const whole = cropView.querySelector(".whole"), frame = whole.querySelector("i");
const edges = [...cropView.querySelectorAll("input")];
const LEAST = 2; // per cent of a side, between opposite edges

function showPart(value) {
  cropButton.hidden = !(value && own.cropped && !value.style); // of a style file there is only a thumbnail
  if (!value?.crop) return;
  const full = new Image();
  full.onload = () => {
    if (props.value?.url !== value.url || props.value.crop !== value.crop) return; // another came meanwhile
    const [left, top, right, bottom] = value.crop, width = full.naturalWidth, height = full.naturalHeight;
    const part = Object.assign(document.createElement("canvas"), { width: (right - left) * width, height: (bottom - top) * height });
    part.getContext("2d").drawImage(full, -left * width, -top * height);
    image.src = part.toDataURL("image/jpeg", 0.9);
  };
  full.src = value.url;
}
function drawFrame() {
  const [left, top, right, bottom] = edges.map((edge) => Number(edge.value));
  Object.assign(frame.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
  for (const edge of edges) edge.setAttribute("aria-valuetext", `${edge.value} %`);
}
function setEdges(values) { // left, top, right, bottom in per cent
  edges.forEach((edge, index) => (edge.value = values[index]));
  drawFrame();
}
function pushed(event) { // an edge stays on its side of the opposite one
  const index = edges.indexOf(event.target), opposite = Number(edges[(index + 2) % 4].value), edge = edges[index];
  edge.value = index < 2 ? Math.min(edge.value, opposite - LEAST) : Math.max(edge.value, opposite + LEAST);
  drawFrame();
}
function openCrop() {
  whole.prepend(Object.assign(new Image(), { src: props.value.url, alt: props.value.orig_name }));
  setEdges((props.value.crop ?? [0, 0, 1, 1]).map((share) => 100 * share));
  cropView.showModal();
}
function use(values) {
  const { crop, ...rest } = props.value, isWhole = values.join() === "0,0,100,100";
  cropView.close();
  if (isWhole && !crop) return;
  props.value = isWhole ? rest : { ...rest, crop: values.map((value) => value / 100) };
  show();
  trigger("input");
}
let corner = null; // where a box that is being drawn began
function at(event) {
  const box = whole.getBoundingClientRect();
  const share = (value, size) => Math.min(100, Math.max(0, Math.round(200 * value / size) / 2));
  return [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
}
whole.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  whole.setPointerCapture(event.pointerId);
  corner = at(event);
});
whole.addEventListener("pointermove", (event) => {
  if (!corner) return;
  const [x, y] = at(event), [left, right] = [x, corner[0]].sort((a, b) => a - b), [top, bottom] = [y, corner[1]].sort((a, b) => a - b);
  if (right - left >= LEAST && bottom - top >= LEAST) setEdges([left, top, right, bottom]);
});
whole.addEventListener("pointerup", () => (corner = null));
whole.addEventListener("pointercancel", () => (corner = null));
for (const edge of edges) edge.addEventListener("input", pushed);
cropButton.setAttribute("aria-label", translated("Crop {name}", { name }));
cropButton.addEventListener("click", openCrop);
cropView.addEventListener("close", () => whole.querySelector("img").remove());
cropView.querySelector(".use").addEventListener("click", () => use(edges.map((edge) => Number(edge.value))));
cropView.querySelector(".all").addEventListener("click", () => use([0, 0, 100, 100]));
cropView.querySelector(".close").addEventListener("click", () => cropView.close());
watch("value", show);
show();
