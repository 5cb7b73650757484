// A place for a picture (picture_place.py). Whatever way a file comes, it is uploaded and told of as "upload" {path,
// orig_name}; only the page's answer changes the value, so that a file that is refused leaves the former picture alone.
// "input" follows once the visitor's picture is there.

const WORDS = {
  drop: translated("Drop a picture here, or"),
  noFile: translated("That was no picture file, so nothing has changed. Save the picture first, then drop or choose the file."),
  noPicture: translated("There is no picture on the clipboard, so nothing has changed."),
  tooLarge: (name, size, most) => translated('"{name}" has {size} MB; at most {most} MB are accepted.', { name, size, most }),
  noVideo: (name) => translated('"{name}" is no picture; accepted are PNG, JPEG, WebP, AVIF, HEIC, GIF, BMP and TIFF.', { name }),
  coming: translated("Uploading…"),
  lost: translated("The picture did not arrive: the page's server cannot be reached. Try again."),
  noCamera: translated("No camera was found."),
  cameraRefused: translated("The camera may not be used: allow it in the browser first."),
  cameraWithheld: translated("The page around this one withholds the camera: open this page in a tab of its own."),
  cameraInsecure: translated("Browsers give the camera only to pages of https, or of this computer itself."),
};
const MB = 1 << 20;
const place = element.querySelector(".place"), own = JSON.parse(place.dataset.own), name = place.getAttribute("aria-label");
const stage = element.querySelector(".stage");
const image = element.querySelector("img"), said = element.querySelector(".said");
const input = element.querySelector("input"), remove = element.querySelector(".remove");
const camera = element.querySelector(".camera"), dialog = element.querySelector(".camera-view"), video = dialog.querySelector("video");
let brought = null; // the path of an upload that the page has not answered yet

function show() {
  const value = props.value, ours = brought !== null && value?.brought === brought;
  if (ours) brought = null;
  image.hidden = !value;
  if (value) image.src = value.url; else image.removeAttribute("src");
  showPart(value);
  image.alt = value ? `${name}: ${value.orig_name}` : "";
  remove.hidden = !(value && own.removable);
  element.querySelector(".empty").hidden = Boolean(value);
  say("");
  if (ours) trigger("input");
}
function say(text) {
  said.textContent = text;
}

// ---- files ----

async function take(file) {
  if (file.size > own.max_bytes) return say(WORDS.tooLarge(file.name, Math.ceil(file.size / MB), own.max_bytes / MB));
  if (/^(video|audio)\//.test(file.type)) return say(WORDS.noVideo(file.name));
  say(WORDS.coming);
  const form = new FormData();
  form.append("files", file, file.name);
  try {
    const answer = await fetch("gradio_api/upload", { method: "POST", body: form });
    const [path, told] = await read(answer);
    if (told !== null) return say(told);
    brought = path;
    say("");
    trigger("upload", { path, orig_name: file.name });
  } catch (error) {
    console.warn(error);
    say(WORDS.lost);
  }
}
async function read(answer) { // [path, null], or [null, what the server says]
  const text = await answer.text();
  try {
    const found = JSON.parse(text);
    if (answer.ok) return [found[0], null];
    const told = found.detail ?? found.error;
    return [null, typeof told === "string" ? told : WORDS.lost];
  } catch {
    return [null, WORDS.lost];
  }
}
const pictureOf = (data) => [...(data?.files ?? [])][0];

// ---- ways in ----

function choose() {
  input.value = "";
  input.click();
}
function drop(event) {
  event.preventDefault();
  event.stopPropagation();
  place.classList.remove("over");
  point();
  const file = pictureOf(event.dataTransfer);
  if (file) take(file); else say(WORDS.noFile);
}
function over(event) {
  event.preventDefault();
  event.stopPropagation();
  place.classList.add("over");
}
function point() {
  window.metastylePlace = element;
}
function isMeant() { // for what is pasted: the place that was used last, or the first that can be seen
  const visible = [...document.querySelectorAll(".picture-place .place")].filter((other) => other.offsetParent);
  return (visible.find((other) => window.metastylePlace?.contains(other)) ?? visible[0]) === place;
}
function paste(event) {
  if (!place.isConnected || !isMeant()) return;
  const file = pictureOf(event.clipboardData), typing = event.target.closest?.("input:not([type=range]), textarea, [contenteditable]");
  if (!file && typing) return;
  event.preventDefault();
  if (file) take(file); else say(WORDS.noPicture);
}

// ---- camera ----

function withheld() { // by the page in whose frame this one is shown, where the browser tells
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  return window.top !== window && policy?.allowsFeature("camera") === false;
}
let asking = false; // for the camera, which a second click would ask for once more and leave on
async function look() {
  if (!navigator.mediaDevices?.getUserMedia) return say(WORDS.cameraInsecure);
  if (asking || dialog.open) return;
  asking = true;
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    dialog.showModal();
  } catch (error) {
    const why = error.name === "NotAllowedError" ? WORDS.cameraRefused : WORDS.noCamera;
    say(withheld() ? WORDS.cameraWithheld : why);
  } finally {
    asking = false;
  }
}
function shoot() {
  if (!video.videoWidth) return; // the first picture is still to come
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => blob && take(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
  dialog.close();
}
function darken() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

// ---- together ----

element.querySelector(".empty").textContent = WORDS.drop;
stage.style.setProperty("--height", `${own.height}px`);
remove.setAttribute("aria-label", translated("Remove {name}", { name }));
camera.setAttribute("aria-label", translated("Camera for {name}", { name }));
input.setAttribute("aria-label", stage.title);
camera.hidden = !own.camera;
element.querySelector(".choose").addEventListener("click", choose);
stage.addEventListener("click", choose);
input.addEventListener("change", () => input.files.length && take(input.files[0]));
remove.addEventListener("click", () => { props.value = null; show(); trigger("clear"); });
camera.addEventListener("click", look);
dialog.querySelector(".shoot").addEventListener("click", shoot);
dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", darken);
for (const kind of ["pointerdown", "focusin"]) element.addEventListener(kind, point);
place.addEventListener("dragenter", over, true);
place.addEventListener("dragover", over, true);
place.addEventListener("dragleave", () => place.classList.remove("over"));
place.addEventListener("drop", drop, true);
document.addEventListener("paste", paste);
