/** Moves a line over a chart and says below it what is there: with the pointer, or with the arrow keys. */
export const readOutScript = `
for (const chart of document.querySelectorAll("svg[data-x]")) {
  const places = chart.dataset.x.split(" ").map(Number);
  const texts = chart.dataset.say.split("|");
  const said = document.getElementById(chart.id + "-say");
  const cursor = chart.querySelector(".cursor");
  let index = places.length - 1;
  const show = (next) => {
    index = Math.max(0, Math.min(places.length - 1, next));
    cursor.setAttribute("x1", places[index]);
    cursor.setAttribute("x2", places[index]);
    cursor.style.visibility = "visible";
    said.textContent = texts[index];
  };
  const rest = () => {
    cursor.style.visibility = "hidden";
    said.textContent = "Point at the chart, or use the arrow keys, for its values.";
  };
  chart.tabIndex = 0;
  chart.addEventListener("pointermove", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
    let nearest = 0;
    places.forEach((place, other) => {
      if (Math.abs(place - at) < Math.abs(places[nearest] - at)) nearest = other;
    });
    show(nearest);
  });
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      show(index + step);
    }
  });
  chart.addEventListener("focus", () => said.setAttribute("aria-live", "polite"));
  chart.addEventListener("pointerleave", rest);
  chart.addEventListener("blur", rest);
  rest();
}
`;
