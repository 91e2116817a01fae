// The data of the page, and what is asked of it.
const data = JSON.parse(document.getElementById("data").textContent);
const count = data.names.length;
const element = (id) => document.getElementById(id);
const MISSING = -32768;
const unpacked = new Map();

// Make an element; texts are set as text, never as markup.
function make(tag, fields = {}, ...children) {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children);
  return made;
}

function valueOf(kind, row) {
  const group = data.groups[kind];
  return group.names[group.of[row]];
}

function shortName(row) {
  return data.names[row].split("/").pop() || data.names[row];
}

// The numbers of a clip: differences over time, low bytes first, in a zlib stream; see msclr/explore/motion.py.
function motionOf(row) {
  if (!unpacked.has(row)) unpacked.set(row, unpack(data.clips[row]));
  return unpacked.get(row);
}

async function unpack(clip) {
  const packed = Uint8Array.from(atob(clip.data), (sign) => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const [persons, frames, joints, dims] = clip.shape;
  const width = (persons * joints + 1) * dims; // the last place is the way that the camera goes
  const values = new Int16Array(frames * width);
  for (let at = 0; at < values.length; at++) {
    const before = at < width ? 0 : values[at - width];
    values[at] = before + (bytes[at] | (bytes[values.length + at] << 8)); // Int16Array wraps around as intended
  }
  return { ...clip, persons, frames, joints, dims, width, values };
}

// The place of a joint between two frames, in torso lengths, or null where it is not known.
function placeOf(motion, person, joint, time) {
  const { values, width, dims, step, frames } = motion;
  const first = Math.min(Math.floor(time), frames - 1);
  const second = Math.min(first + 1, frames - 1);
  const start = (person * motion.joints + joint) * dims;
  const [a, b] = [first * width + start, second * width + start];
  let share = time - first;
  if (values[a] === MISSING && values[b] === MISSING) return null;
  if (values[a] === MISSING) share = 1;
  if (values[b] === MISSING) share = 0;
  const place = [0, 0, 0];
  for (let axis = 0; axis < dims; axis++) place[axis] = step * ((1 - share) * values[a + axis] + share * values[b + axis]);
  return place;
}
