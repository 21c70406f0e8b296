// Three cuts through the middle of a particle, taken from the slices of the page.
import { overlays } from "./paint.js";
import { sample } from "./stack.js";

const AROUND = 1.2; // of the size of the particle is shown on each side
const LEAST = 8; // voxels on each side
const OPACITY = 0.35;

/**
 * Paint the cuts across y (the slice), z and x into three canvases.
 *
 * @param {Stack} stack
 * @param {{low: number[], high: number[]}} box first and last voxel along x, y, z
 * @param {HTMLCanvasElement[]} canvases
 */
export async function paintCuts(stack, { low, high }, canvases) {
  const sides = [stack.columns, stack.count, stack.rows]; // along x, y, z
  const size = Math.max(...low.map((start, axis) => high[axis] - start + 1));
  const reach = Math.max(LEAST, Math.round((0.5 + AROUND) * size));
  const middle = low.map((start, axis) => Math.round((start + high[axis]) / 2));
  const from = middle.map((place) => place - reach);
  const length = 2 * reach + 1;
  const colourOf = overlays("labels", stack.classes);
  const pictures = canvases.map(() => new ImageData(length, length));
  const isInside = (place, axis) => place >= 0 && place < sides[axis];
  for (let dy = 0; dy < length; dy++) {
    const y = from[1] + dy;
    if (!isInside(y, 1)) continue;
    const grey = stack.has("grey") ? await stack.pixels("grey", y) : null;
    const labels = stack.has("labels") ? await stack.pixels("labels", y) : null;
    const put = (picture, row, column, z, x) => {
      if (!isInside(z, 2) || !isInside(x, 0)) return;
      const base = grey ? sample(grey, z, x)[0] : 0;
      const over = labels && colourOf(sample(labels, z, x)[0]);
      const at = 4 * (row * length + column);
      for (let channel = 0; channel < 3; channel++) {
        picture.data[at + channel] = over
          ? base * (1 - OPACITY) + over[channel] * OPACITY : base;
      }
      picture.data[at + 3] = 255;
    };
    for (let step = 0; step < length; step++) {
      put(pictures[1], dy, step, middle[2], from[0] + step);
      put(pictures[2], step, dy, from[2] + step, middle[0]);
      if (y !== middle[1]) continue;
      for (let row = 0; row < length; row++) {
        put(pictures[0], row, step, from[2] + row, from[0] + step);
      }
    }
  }
  canvases.forEach((canvas, number) => {
    canvas.width = canvas.height = length;
    canvas.getContext("2d").putImageData(pictures[number], 0, 0);
  });
}
