// The moving figure of one clip, turned by dragging.
const PITCH = (10 * Math.PI) / 180;
const REST = 0.5; // seconds between two rounds
const figure = {
  canvas: element("figure"), row: -1, motion: null, box: null, yaw: Math.PI / 6, time: 0, last: 0, waiting: false,
  playing: !matchMedia("(prefers-reduced-motion: reduce)").matches,
};

async function showFigure(row) {
  figure.row = row;
  element("stage").hidden = !data.clips.length;
  if (!data.clips.length) return;
  const motion = await motionOf(row);
  if (figure.row !== row) return; // another clip was pointed at meanwhile
  Object.assign(figure, { motion, box: boxOf(motion), time: figure.playing ? 0 : motion.seconds / 2, last: 0 });
  drawFigure();
  play();
}

// How far a clip reaches sideways, whatever side it is seen from, and up and down.
function boxOf(motion) {
  const box = { reach: 0.5, low: Infinity, high: -Infinity };
  for (let frame = 0; frame < motion.frames; frame++)
    for (let person = 0; person < motion.persons; person++)
      for (let joint = 0; joint < motion.joints; joint++) {
        const place = placeOf(motion, person, joint, frame);
        if (!place) continue;
        box.reach = Math.max(box.reach, Math.hypot(place[0], place[2]));
        box.low = Math.min(box.low, place[1]);
        box.high = Math.max(box.high, place[1]);
      }
  return box;
}

function drawFigure() {
  const { canvas, motion, box } = figure;
  const [pen, width, height] = preparedCanvas(canvas);
  if (!motion) return;
  const frame = Math.min(figure.time * motion.fps, motion.frames - 1);
  const flat = motion.dims === 2;
  const [sine, cosine] = flat ? [0, 1] : [Math.sin(figure.yaw), Math.cos(figure.yaw)];
  const [tilt, level] = flat ? [0, 1] : [Math.sin(PITCH), Math.cos(PITCH)];
  const middle = (box.low + box.high) / 2;
  const tall = (box.high - box.low) * level + 2 * box.reach * tilt;
  const scale = Math.min((width - 24) / (2 * box.reach), (height - 20) / Math.max(tall, 0.5));
  const seen = ([x, y, z]) => {
    const depth = x * sine + z * cosine;
    return [width / 2 + scale * (x * cosine - z * sine), height / 2 - scale * ((y - middle) * level - depth * tilt)];
  };
  if (!flat) drawGround(pen, placeOf(motion, motion.persons, 0, frame), box, seen);
  for (let person = 0; person < motion.persons; person++) drawPerson(pen, person, frame, seen);
  element("time").value = motion.seconds ? (1000 * figure.time) / motion.seconds : 0;
}

// Dots on the floor pass by as the camera goes along.
function drawGround(pen, [x, , z], box, seen) {
  const reach = Math.max(2, box.reach);
  pen.fillStyle = colours.other;
  pen.globalAlpha = 0.5;
  for (let i = Math.ceil(x - reach); i <= x + reach; i++)
    for (let k = Math.ceil(z - reach); k <= z + reach; k++) {
      if (Math.hypot(i - x, k - z) > reach) continue;
      const [left, top] = seen([i - x, box.low, k - z]);
      pen.beginPath();
      pen.arc(left, top, 1.6, 0, 7);
      pen.fill();
    }
}

function drawPerson(pen, person, frame, seen) {
  const { motion } = figure;
  const places = Array.from({ length: motion.joints }, (_, joint) => placeOf(motion, person, joint, frame));
  const points = places.map((place) => place && seen(place));
  const bones = data.figures[motion.figure].filter(([a, b]) => points[a] && points[b]);
  pen.globalAlpha = person ? 0.55 : 1;
  pen.lineCap = "round";
  pen.lineWidth = 3;
  for (const [a, b, side] of bones) {
    pen.strokeStyle = [colours.middle, colours.left, colours.right][side];
    pen.beginPath();
    pen.moveTo(...points[a]);
    pen.lineTo(...points[b]);
    pen.stroke();
  }
  pen.fillStyle = colours.ink;
  for (const point of points.filter(Boolean)) {
    pen.beginPath();
    pen.arc(...point, 2, 0, 7);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

// Ask for the next picture, once, while there is something that moves.
function play() {
  if (figure.waiting || !figure.playing || !figure.motion) return;
  figure.waiting = true;
  requestAnimationFrame(tick);
}

function tick(now) {
  figure.waiting = false;
  if (!figure.playing) return;
  figure.time += figure.last ? Math.min(now - figure.last, 100) / 1000 : 0;
  figure.last = now;
  if (figure.time > figure.motion.seconds + REST) figure.time = 0;
  drawFigure();
  play();
}

function turn(angle) {
  figure.yaw += angle;
  drawFigure();
}

function setPlaying(playing) {
  Object.assign(figure, { playing, last: 0 });
  element("play").textContent = playing ? "Pause" : "Play";
  play();
}

function startFigure() {
  const { canvas } = figure;
  setPlaying(figure.playing);
  element("play").onclick = () => setPlaying(!figure.playing);
  element("time").oninput = (event) => {
    setPlaying(false);
    figure.time = (event.target.value / 1000) * (figure.motion?.seconds ?? 0);
    drawFigure();
  };
  canvas.onpointerdown = (event) => canvas.setPointerCapture(event.pointerId);
  canvas.onpointermove = (event) => event.buttons && turn(-event.movementX / 80);
  canvas.onkeydown = (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") turn(event.key === "ArrowLeft" ? 0.2 : -0.2);
    if (event.key === " ") setPlaying(!figure.playing);
    if (["ArrowLeft", "ArrowRight", " "].includes(event.key)) event.preventDefault();
  };
}
