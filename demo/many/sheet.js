// A photo in every painting: a button for each picture, the painting itself, pale, until it is painted. Its value is
// {shape: width / height of the pictures, cells: [{title, by, src, done}]}. A click on a painted one is told as "select".

const grid = element.querySelector(".paintings");

function button(index) {
  const cell = document.createElement("button");
  cell.type = "button";
  cell.append(document.createElement("img"), document.createElement("span"));
  cell.firstChild.alt = "";
  cell.addEventListener("click", () => {
    grid.querySelector("[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
    cell.setAttribute("aria-pressed", "true");
    trigger("select", { index });
  });
  return cell;
}
function draw() {
  const { shape, cells } = props.value || { shape: 4 / 3, cells: [] };
  while (grid.children.length > cells.length) grid.lastChild.remove();
  while (grid.children.length < cells.length) grid.append(button(grid.children.length));
  grid.style.setProperty("--shape", Math.min(3, Math.max(0.4, shape)));
  cells.forEach(({ title, by, src, done }, index) => {
    const cell = grid.children[index], image = cell.firstChild;
    if (image.getAttribute("src") !== src) image.setAttribute("src", src);
    if (!done) cell.setAttribute("aria-pressed", "false");
    cell.disabled = !done;
    cell.title = [title, by].filter(Boolean).join(", ");
    cell.lastChild.textContent = title;
  });
}
watch("value", draw);
draw();
