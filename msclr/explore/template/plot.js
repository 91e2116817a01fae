// The map: points, symbols, zoom.
const SYMBOLS = 30; // six colours times five shapes; further groups share a small grey dot
const view = { canvas: element("plot"), dots: element("dots"), width: 0, height: 0, x: 0, y: 0, scale: 1, touched: false };
const state = { colour: "none", off: { label: new Set(), convention: new Set() }, words: "", current: -1, held: false };
const visible = new Uint8Array(count).fill(1);
let radius = 4; // of the symbols
let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["surface", "ink", "soft", "line", "accent", "left", "right", "middle", "other"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  colours.groups = [0, 1, 2, 3, 4, 5].map((number) => style.getPropertyValue(`--colour-${number}`));
}

// Size a canvas to its place on the screen; return its pen, cleared, in CSS pixels.
function preparedCanvas(canvas) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return [pen, width, height];
}

// The number of the symbol of a clip; -1 for the grey dot.
function symbolOf(row) {
  if (state.colour === "none") return 0;
  const group = data.groups[state.colour];
  return symbolOfValue(group, group.of[row]);
}

function symbolOfValue(group, value) {
  return value < SYMBOLS && group.names[value] !== "" ? value : -1;
}

function drawSymbol(pen, symbol, x, y, size) {
  const shape = symbol < 0 ? 0 : Math.floor(symbol / 6);
  const r = symbol < 0 ? size * 0.7 : size;
  pen.fillStyle = symbol < 0 ? colours.other : colours.groups[symbol % 6];
  pen.beginPath();
  if (shape === 0) pen.arc(x, y, r, 0, 7);
  if (shape === 1) pen.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  if (shape === 2) polygon(pen, x, y, [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]], r);
  if (shape === 3) polygon(pen, x, y, [[0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]], r);
  if (shape === 4) polygon(pen, x, y, [[-1.1, -1], [0, -0.4], [1.1, -1], [0.5, 0], [1.1, 1], [0, 0.4], [-1.1, 1], [-0.5, 0]], 1.1 * r);
  pen.fill();
  pen.stroke();
}

function polygon(pen, x, y, corners, r) {
  for (const [dx, dy] of corners) pen.lineTo(x + r * dx, y + r * dy);
  pen.closePath();
}

const screenX = (row) => view.width / 2 + (data.x[row] - view.x) * view.scale;
const screenY = (row) => view.height / 2 - (data.y[row] - view.y) * view.scale;

function showWhole() {
  const { clientWidth: width, clientHeight: height } = view.canvas;
  const [wide, tall] = [data.x, data.y].map((values) => 2 * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  Object.assign(view, { x: 0, y: 0, touched: false });
  view.scale = Math.max(1, Math.min((width - 60) / (wide || 1), (height - 60) / (tall || 1)));
  drawPlot();
}

// Zoom so that what is under (x, y) on the screen stays there.
function zoomBy(factor, x = view.width / 2, y = view.height / 2) {
  const scale = Math.min(1e6, Math.max(20, view.scale * factor));
  const [dx, dy] = [x - view.width / 2, y - view.height / 2];
  view.x += dx / view.scale - dx / scale;
  view.y -= dy / view.scale - dy / scale;
  Object.assign(view, { scale, touched: true });
  drawPlot();
}

function moveBy(dx, dy) {
  view.x -= dx / view.scale;
  view.y += dy / view.scale;
  view.touched = true;
  drawPlot();
}

function drawPlot() {
  const [pen, width, height] = preparedCanvas(view.dots);
  Object.assign(view, { width, height });
  radius = (count < 400 ? 5 : count < 2500 ? 4 : 3) * (width < 500 ? 0.8 : 1);
  pen.lineWidth = 1;
  pen.fillStyle = colours.line;
  for (let row = 0; row < count; row++) if (!visible[row]) pen.fillRect(screenX(row) - 1, screenY(row) - 1, 2, 2);
  pen.strokeStyle = colours.surface;
  for (let row = 0; row < count; row++) {
    const [x, y] = [screenX(row), screenY(row)];
    if (visible[row] && x > -9 && y > -9 && x < width + 9 && y < height + 9) drawSymbol(pen, symbolOf(row), x, y, radius);
  }
  drawCurrent();
}

// The clip pointed at, with lines to the nearest ones, on a canvas of its own above the dots.
function drawCurrent() {
  const [pen, width] = preparedCanvas(view.canvas);
  const row = state.current;
  if (row < 0) return;
  const [x, y] = [screenX(row), screenY(row)];
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1;
  for (const other of data.near[row]) {
    pen.globalAlpha = visible[other] ? 0.8 : 0.25;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(screenX(other), screenY(other));
    pen.stroke();
    drawSymbol(pen, symbolOf(other), screenX(other), screenY(other), radius + 1);
  }
  pen.globalAlpha = 1;
  pen.lineWidth = state.held ? 3 : 1.5;
  drawSymbol(pen, symbolOf(row), x, y, radius + 3);
  pen.font = "600 13px system-ui, sans-serif";
  const name = shortName(row).slice(0, 60);
  const long = pen.measureText(name).width;
  const left = Math.max(4, Math.min(x + 14, width - long - 12));
  const top = y > 40 ? y - 18 : y + 28;
  pen.fillStyle = colours.surface;
  pen.globalAlpha = 0.9;
  pen.fillRect(left - 4, top - 15, long + 8, 20);
  pen.globalAlpha = 1;
  pen.fillStyle = colours.ink;
  pen.fillText(name, left, top);
}

// The visible clip nearest to a place on the screen, -1 if none is near enough.
function clipAt(x, y, reach) {
  let [best, least] = [-1, reach * reach];
  for (let row = 0; row < count; row++) {
    const far = (screenX(row) - x) ** 2 + (screenY(row) - y) ** 2;
    if (visible[row] && far <= least) [best, least] = [row, far];
  }
  return best;
}

// The next visible clip in a direction on the screen; the one nearest to the middle if none is pointed at.
function clipTowards(dx, dy) {
  if (state.current < 0) return clipAt(view.width / 2, view.height / 2, Infinity);
  const [x, y] = [screenX(state.current), screenY(state.current)];
  let [best, least] = [-1, Infinity];
  for (let row = 0; row < count; row++) {
    const [right, down] = [screenX(row) - x, screenY(row) - y];
    const along = right * dx + down * dy;
    const across = Math.abs(right * dy - down * dx);
    if (visible[row] && row !== state.current && along > 0 && across <= along && along + 2 * across < least)
      [best, least] = [row, along + 2 * across];
  }
  return best;
}
