// Slices painted: grey values, with labels, truth, differences or confidence laid over them.
import { rgb } from "./data.js";

const WRONG = [255, 0, 170];
const NOT_ANNOTATED = 255;

/**
 * Return the picture of a slice, as fine as the finest of its parts.
 *
 * @param {Stack} stack
 * @param {number} number of the slice
 * @param {{layer: string, opacity: number}} look layer: none, labels, truth, difference, confidence
 * @returns {Promise<ImageData>}
 */
export async function paintedSlice(stack, number, look) {
  const part = (kind) => (stack.has(kind) ? stack.pixels(kind, number) : null);
  const isOfConfidence = look.layer === "confidence";
  const [grey, over] = await Promise.all([
    part("grey"),
    look.layer === "none" ? null : part(isOfConfidence ? "confidence" : "labels"),
  ]);
  const parts = [grey, over].filter(Boolean);
  const step = Math.min(...parts.map((picture) => picture.step));
  const [rows, columns] = [Math.ceil(stack.rows / step), Math.ceil(stack.columns / step)];
  const colourOf = isOfConfidence
    ? heats(stack.classes.length)
    : overlays(look.layer, stack.classes, !grey);
  const picture = new ImageData(columns, rows);
  const whole = { step, rows, columns };
  if (grey) layGrey(picture.data, grey, whole);
  else for (let at = 3; at < picture.data.length; at += 4) picture.data[at] = 255;
  if (over) layColours(picture.data, over, whole, colourOf, look.opacity);
  return picture;
}

function layGrey(data, grey, whole) {
  const from = grid(grey, whole);
  for (let row = 0, at = 0; row < whole.rows; row++) {
    for (let column = 0; column < whole.columns; column++, at += 4) {
      data[at] = data[at + 1] = data[at + 2] = grey.data[from.rows[row] + from.columns[column]];
      data[at + 3] = 255;
    }
  }
}

function layColours(data, over, whole, colourOf, opacity) {
  const from = grid(over, whole);
  const known = new Map(); // a picture has few different pixels
  const rest = 1 - opacity;
  let [last, colour] = [-1, null];
  for (let row = 0, at = 0; row < whole.rows; row++) {
    for (let column = 0; column < whole.columns; column++, at += 4) {
      const place = from.rows[row] + from.columns[column];
      const key = over.data[place] + 256 * over.data[place + 1];
      if (key !== last) {
        if (!known.has(key)) known.set(key, colourOf(over.data[place], over.data[place + 1]));
        [last, colour] = [key, known.get(key)];
      }
      if (colour === null) continue;
      data[at] = data[at] * rest + colour[0] * opacity;
      data[at + 1] = data[at + 1] * rest + colour[1] * opacity;
      data[at + 2] = data[at + 2] * rest + colour[2] * opacity;
    }
  }
}

/** Return where in a picture's data the rows and columns of a finer one lie. */
function grid(picture, { step, rows, columns }) {
  const places = (count, size) =>
    Uint32Array.from({ length: count }, (_, n) => Math.floor((n * step) / picture.step) * size);
  return { rows: places(rows, 4 * picture.width), columns: places(columns, 4) };
}

/**
 * Return a function from label and truth to the colour that a layer gives them, null for none.
 *
 * @param {string} layer labels, truth or difference
 * @param {{colour: string}[]} classes
 * @param {boolean} isAlone whether there are no grey values, so that the background has a colour
 */
export function overlays(layer, classes, isAlone = false) {
  const colours = classes.map((phase) => rgb(phase.colour));
  if (!isAlone) colours[0] = null;
  if (layer === "difference") {
    return (label, truth) => (label !== truth && truth !== NOT_ANNOTATED ? WRONG : null);
  }
  return (label, truth) => colours[layer === "truth" ? truth : label] ?? null;
}

/** Return a function from a confidence (0 to 255) to its colour: the less sure, the redder. */
function heats(classes) {
  const colours = Array.from({ length: 256 }, (_, value) => {
    const unsure = Math.min((1 - value / 255) / (1 - 1 / classes), 1);
    return unsure < 0.02 ? null : [255, 200 * (1 - unsure), 0];
  });
  return (value) => colours[value];
}
