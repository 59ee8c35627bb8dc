const told = JSON.parse(document.getElementById("places").textContent);
const caption = document.getElementById("caption");
const view = showMap(
  document.getElementById("map"),
  told.map(([x, y, ratio, source]) => ({ x, y, ratio, source })),
  { tell: (at) => (caption.textContent = at < 0 ? caption.dataset.hint : told[at][4]) },
);
for (const name of ["closer", "farther", "whole"]) document.getElementById(name).addEventListener("click", view[name]);
caption.textContent = caption.dataset.hint;
