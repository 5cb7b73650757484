// Before and after in one place (before_after.py). The value is {before, after, ratio}, two addresses and width / height,
// or null. The range input says where the left one ends; sliders.js moves it by mouse and finger.

const figure = element.querySelector("figure"), stage = element.querySelector(".stage");
const nothing = element.querySelector(".nothing-yet"), dialog = element.querySelector("dialog");
const before = element.querySelector("img.before"), after = element.querySelector("img.after");
const range = element.querySelector("input"), enlarge = element.querySelector(".enlarge");

function show() {
  const value = props.value;
  remember(value);
  figure.hidden = !value;
  nothing.hidden = Boolean(value);
  if (!value) {
    before.removeAttribute("src");
    after.removeAttribute("src");
    return;
  }
  stage.style.setProperty("--ratio", value.ratio);
  before.src = value.before;
  after.src = value.after;
  before.alt = props.names[0];
  after.alt = `${props.names[1]}: ${title(value.after)}`;
}
function title(address) { // ".../coffee__night_cafe__flagship.png" -> "coffee, night cafe, flagship"
  const file = decodeURIComponent(address.split("/").pop()).replace(/\.\w+$/, "");
  return file.split("__").map((part) => part.replaceAll("_", " ")).join(", ");
}
function move() {
  stage.style.setProperty("--at", `${range.value}%`);
  range.setAttribute("aria-valuetext", `${range.value} %`);
}
function open() {
  dialog.append(stage);
  dialog.showModal();
  range.focus();
}

// ---- another strength, seen before it is painted ----

const fading = element.querySelector(".fade");
const [photo, full] = ["photo", "full"].map((name) => Object.assign(new Image(), { className: name, alt: "" }));
let strongest = null; // of the results that differ from this one in strength alone, the strongest up to 100 %

function remember(value) {
  fading.hidden = true;
  if (!value?.strength || value.strength > 100) strongest = value?.kind === strongest?.kind ? strongest : null;
  else if (value.kind !== strongest?.kind || value.strength > strongest.strength) strongest = value;
}
function fade(strength) {
  fading.hidden = true;
  if (!strongest || strength === props.value?.strength) return; // it is what is shown
  photo.src = strongest.before;
  full.src = strongest.after;
  full.style.opacity = Math.min(1, strength / strongest.strength);
  if (!photo.isConnected) fading.prepend(photo, full);
  fading.hidden = false;
}
document.addEventListener("strength", (event) => fade(event.detail));

range.setAttribute("aria-label", props.share_label);
range.addEventListener("input", move);
enlarge.addEventListener("click", () => (dialog.open ? dialog.close() : open()));
dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => {
  figure.append(stage);
  enlarge.focus();
});
watch("value", show);
move();
show();
