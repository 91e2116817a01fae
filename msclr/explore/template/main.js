// What people do with the page.
function colourBy(kind) {
  state.colour = kind;
  fillLegend();
  if (state.current >= 0) fillNear(state.current);
  drawPlot();
}

function startColours() {
  const kinds = [...Object.keys(data.groups), "none"];
  for (const kind of kinds) {
    const radio = make("input", { type: "radio", name: "colour", value: kind, checked: kind === kinds[0] });
    radio.onchange = () => colourBy(kind);
    element("colours").append(make("label", {}, radio, make("span", { textContent: data.groups[kind]?.title ?? "none" })));
  }
  colourBy(kinds[0]);
}

function hold(row) {
  state.held = row >= 0;
  showClip(row >= 0 ? row : state.current);
}

function startPlot() {
  const { canvas } = view;
  const pointers = new Map();
  let moved = 0;
  const place = (event) => [event.offsetX, event.offsetY];
  const reach = (event) => (event.pointerType === "mouse" ? 14 : 28);

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    moved = pointers.size > 1 ? Infinity : 0;
  };
  canvas.onpointermove = (event) => {
    const [x, y] = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      const row = clipAt(x, y, reach(event));
      canvas.classList.toggle("pointing", row >= 0);
      if (row >= 0 && !state.held) showClip(row);
      return;
    }
    pointers.set(event.pointerId, [x, y]);
    moved += Math.hypot(x - before[0], y - before[1]);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      moveBy((x - before[0]) / 2, (y - before[1]) / 2);
      const spread = (point) => Math.max(8, Math.hypot(point[0] - other[0], point[1] - other[1]));
      zoomBy(spread([x, y]) / spread(before), (x + other[0]) / 2, (y + other[1]) / 2);
    } else if (moved > 5) moveBy(x - before[0], y - before[1]);
  };
  canvas.onpointerup = (event) => {
    if (pointers.delete(event.pointerId) && moved <= 5) hold(clipAt(...place(event), reach(event)));
  };
  canvas.onpointercancel = (event) => pointers.delete(event.pointerId);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / (event.deltaMode ? 15 : 400)), ...place(event));
  }, { passive: false });
  canvas.onkeydown = pressed;
}

function pressed(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const acts = {
    Enter: () => hold(state.held ? -1 : state.current), Escape: () => hold(-1), 0: showWhole,
    "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5),
  };
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in ways || event.key in acts)) return;
  event.preventDefault();
  if (event.key in acts) return acts[event.key]();
  const row = clipTowards(...ways[event.key]);
  if (row < 0) return;
  showClip(row);
  bringIntoView(row);
}

function startPage() {
  if (data.groups.label.names.every((name) => name === "")) delete data.groups.label;
  readColours();
  startColours();
  startPlot();
  startFigure();
  element("closer").onclick = () => zoomBy(1.5);
  element("farther").onclick = () => zoomBy(1 / 1.5);
  element("whole").onclick = showWhole;
  element("release").onclick = () => hold(-1);
  element("find").oninput = (event) => {
    state.words = event.target.value;
    applyFilter();
  };
  element("find").onkeydown = (event) => {
    const row = visible.indexOf(1);
    if (event.key !== "Enter" || row < 0) return;
    hold(row);
    bringIntoView(row);
  };
  new ResizeObserver(() => (view.touched ? drawPlot() : showWhole())).observe(view.canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    colourBy(state.colour);
    drawFigure();
  });
}

startPage();
