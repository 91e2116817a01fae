// The card of the clip pointed at, and the legend, which is also the filter.
const MOST_ROWS = 200;

function showClip(row) {
  const changed = row !== state.current;
  state.current = row;
  element("empty").hidden = row >= 0;
  element("clip").hidden = row < 0;
  element("release").hidden = !state.held;
  if (row >= 0 && changed) fillCard(row);
  drawCurrent();
}

function fillCard(row) {
  element("name").textContent = data.names[row];
  element("facts").textContent = factsOf(row).join(" · ");
  element("figure").setAttribute("aria-label", `Moving figure of ${data.names[row]}`);
  fillNear(row);
  const nearest = data.near[row].length ? `; nearest ${shortName(data.near[row][0])}` : "";
  element("said").textContent = `${shortName(row)}, ${factsOf(row).slice(0, 2).join(", ")}${nearest}`;
  showFigure(row);
}

function fillNear(row) {
  element("near").replaceChildren(...data.near[row].map((other, place) => nearButton(other, data.scores[row][place])));
}

function factsOf(row) {
  const facts = Object.keys(data.groups).map((kind) => valueOf(kind, row)).filter((value) => value !== "");
  const clip = data.clips[row];
  if (!clip) return facts;
  const seconds = (value) => `${value.toFixed(1)} s`;
  facts.push(clip.seconds < clip.whole ? `${seconds(clip.seconds)} of ${seconds(clip.whole)}, from ${seconds(clip.start)}` : seconds(clip.whole));
  if (!clip.timed) facts.push("frame rate unknown, 20 assumed");
  if (clip.persons > 1) facts.push(clip.persons > clip.shape[0] ? `${clip.shape[0]} of ${clip.persons} persons` : `${clip.persons} persons`);
  return facts;
}

function nearButton(row, score) {
  const button = make("button", { type: "button", title: data.names[row] }, symbolCanvas(symbolOf(row)),
    make("span", { className: "text", dir: "auto", textContent: shortName(row) }),
    make("span", { className: "number", textContent: score.toFixed(2) }));
  button.onclick = () => {
    state.held = true;
    showClip(row);
    bringIntoView(row);
    element("near").querySelector("button")?.focus();
  };
  return make("li", {}, button);
}

function bringIntoView(row) {
  const [x, y] = [screenX(row), screenY(row)];
  const { width, height } = view;
  if (x < 20 || y < 20 || x > width - 20 || y > height - 20) moveBy(width / 2 - x, height / 2 - y);
}

function symbolCanvas(symbol) {
  const ratio = devicePixelRatio || 1;
  const canvas = make("canvas", { className: "symbol", width: 14 * ratio, height: 14 * ratio });
  canvas.setAttribute("aria-hidden", "true");
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.strokeStyle = "transparent";
  drawSymbol(pen, symbol, 7, 7, 5);
  return canvas;
}

function fillLegend() {
  element("legend").replaceChildren(...Object.keys(data.groups).map(groupOf));
}

function groupOf(kind) {
  const { title, names, of } = data.groups[kind];
  const numbers = new Array(names.length).fill(0);
  for (const value of of) numbers[value]++;
  const rows = names.slice(0, MOST_ROWS).map((name, value) => groupRow(kind, [value], name === "" ? "none" : name, numbers[value]));
  if (names.length > MOST_ROWS) {
    const rest = names.map((_, value) => value).slice(MOST_ROWS);
    rows.push(groupRow(kind, rest, `${rest.length} more`, rest.reduce((sum, value) => sum + numbers[value], 0)));
  }
  const all = make("button", { type: "button", className: "all", textContent: "all" });
  all.setAttribute("aria-label", `Show every ${title}`);
  all.onclick = () => setOff(kind, []);
  return make("fieldset", { id: `group-${kind}` }, make("legend", { textContent: title }), all, make("ul", {}, ...rows));
}

function groupRow(kind, values, name, number) {
  const off = state.off[kind];
  const box = make("input", { type: "checkbox", checked: !off.has(values[0]) });
  box.onchange = () => setOff(kind, box.checked ? [...off].filter((value) => !values.includes(value)) : [...off, ...values]);
  const symbol = state.colour === kind ? symbolOfValue(data.groups[kind], values[0]) : null;
  const label = make("label", { title: name }, box, ...(symbol === null ? [] : [symbolCanvas(symbol)]),
    make("span", { className: "text", dir: "auto", textContent: name }), make("span", { className: "number", textContent: number }));
  const only = make("button", { type: "button", className: "only", textContent: "only" });
  only.setAttribute("aria-label", `Only ${name}`);
  only.onclick = () => setOff(kind, data.groups[kind].names.map((_, value) => value).filter((value) => !values.includes(value)));
  return make("li", {}, label, only);
}

function setOff(kind, values) {
  state.off[kind] = new Set(values);
  element(`group-${kind}`).querySelectorAll("input").forEach((box, place) => (box.checked = !state.off[kind].has(place)));
  applyFilter();
}

function applyFilter() {
  const words = state.words.toLowerCase();
  let number = 0;
  for (let row = 0; row < count; row++) {
    const on = Object.keys(data.groups).every((kind) => !state.off[kind].has(data.groups[kind].of[row]));
    visible[row] = on && data.names[row].toLowerCase().includes(words) ? 1 : 0;
    number += visible[row];
  }
  element("shown").textContent = number === count ? "" : `${number.toLocaleString("en")} of ${count.toLocaleString("en")} shown`;
  drawPlot();
}
