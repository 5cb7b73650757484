// The square in which a mix is chosen. Its value is what it shows: {pictures: four addresses or null, weights: four
// numbers}. It tells of a choice as "input".

const mixer = element.querySelector(".mixer"), square = element.querySelector(".square");
const dot = element.querySelector("b"), shares = element.querySelector(".shares");
const within = (number) => Math.min(1, Math.max(0, number));
const state = () => props.value || { pictures: [null, null, null, null], weights: [1, 1, 1, 1] };
const filled = () => [0, 1, 2, 3].filter((index) => state().pictures[index]);
let place = [0.5, 0.5];

function parts(weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (total ? weight / total : 0));
}
function sharesAt(x, y, count) {
  if (count == 2) return [1 - x, x];
  if (count == 3 && x * y > 0.999) [x, y] = [0.999, 0.999];
  return parts([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y].slice(0, count));
}
function placeOf([a, b, c = 0, d = 0], count) {
  if (count == 2) return [b, 0.5];
  if (count == 4) return [b + d, c + d];
  return [a + b ? b / (a + b) : 0, a + c ? c / (a + c) : 0];
}
function show(now, [x, y]) {
  const { pictures } = state(), places = filled();
  place = [within(x), within(y)];
  mixer.dataset.count = places.length;
  element.querySelectorAll("i").forEach((layer, corner) => {
    const picture = pictures[places[corner]];
    layer.style.backgroundImage = picture ? `url("${picture}")` : "none";
  });
  dot.style.left = 100 * place[0] + "%";
  dot.style.top = 100 * place[1] + "%";
  const said = places.map((index, corner) => [translated("Painting {n}", { n: index + 1 }), `${Math.round(100 * now[corner])} %`]);
  shares.replaceChildren(...(places.length > 1 ? said : []).map((words) => {
    const line = document.createElement("span");
    line.append(words[0] + " ", Object.assign(document.createElement("strong"), { textContent: words[1] }));
    return line;
  }));
  square.setAttribute("aria-valuetext", said.map((words) => words.join(" ")).join(", "));
  square.setAttribute("aria-valuenow", Math.round(100 * place[0]));
}
function draw() {
  requestAnimationFrame(() => [0, 1, 2, 3].forEach((index) => { // sliders may come onto the page after this
    const used = filled().length > 1 && state().pictures[index];
    element.closest(".mix")?.querySelector(`[id$="weight-${index + 1}"]`)?.toggleAttribute("data-empty", !used);
  }));
  const places = filled(), now = parts(places.map((index) => Number(state().weights[index])));
  show(now, now.length > 1 ? placeOf(now, now.length) : [0.5, 0.5]);
}
function look(event) {
  const box = square.getBoundingClientRect();
  moveTo((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
}
function moveTo(x, y) {
  const count = filled().length;
  show(sharesAt(within(x), within(y), count), [x, count == 2 ? 0.5 : y]);
}
function choose() {
  const places = filled(), now = sharesAt(...place, places.length), weights = [...state().weights];
  places.forEach((index, corner) => { weights[index] = Math.round(100 * now[corner]); });
  props.value = { ...state(), weights };
  trigger("input");
}
square.addEventListener("pointerdown", (event) => {
  if (filled().length < 2) return;
  square.setPointerCapture(event.pointerId);
  look(event);
});
square.addEventListener("pointermove", (event) => square.hasPointerCapture(event.pointerId) && look(event));
square.addEventListener("pointerup", (event) => {
  if (!square.hasPointerCapture(event.pointerId)) return;
  square.releasePointerCapture(event.pointerId);
  choose();
});
square.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step || filled().length < 2) return;
  event.preventDefault();
  moveTo(place[0] + step[0] / 20, place[1] + step[1] / 20);
  choose();
});
watch("value", draw);
draw();
