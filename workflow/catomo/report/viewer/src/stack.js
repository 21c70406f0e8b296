// The slices that the page carries: grey values, labels and confidence, decoded when needed.
import { bytesOf } from "./data.js";

const KEPT = 24; // decoded slices that stay in memory, of each kind

export class Stack {
  /** @param {object} data as `catomo.report.stack` writes it */
  constructor(data) {
    Object.assign(this, data); // count, rows, columns, pixelSizeNm, names, classes, hasTruth, …
    this.caches = { grey: new Map(), labels: new Map(), confidence: new Map() };
  }

  /** Whether there are pictures of a kind: grey, labels or confidence. */
  has(kind) {
    return Boolean(this.pictures[kind]);
  }

  /** Return a slice as {data, width, height, step}; each pixel stands for step × step voxels. */
  async pixels(kind, number) {
    const cache = this.caches[kind];
    if (!cache.has(number)) {
      if (cache.size >= KEPT) cache.delete(cache.keys().next().value);
      cache.set(number, decoded(this.pictures[kind][number], this.steps[kind]));
    }
    return cache.get(number);
  }

  /**
   * Return what is known of one voxel: label, truth and confidence (0 to 1), null where unknown.
   */
  async at(number, row, column) {
    const labels = this.has("labels") ? await this.pixels("labels", number) : null;
    const sure = this.has("confidence") ? await this.pixels("confidence", number) : null;
    const [label, truth] = labels ? sample(labels, row, column) : [null, null];
    return {
      label,
      truth: labels && this.hasTruth ? truth : null,
      confidence: sure ? sample(sure, row, column)[0] / 255 : null,
    };
  }
}

/** Return red and green of the pixel of a picture, which may be binned, at a place of the slice. */
export function sample(picture, row, column) {
  const [y, x] = [Math.floor(row / picture.step), Math.floor(column / picture.step)];
  const place = 4 * (y * picture.width + x);
  return [picture.data[place], picture.data[place + 1]];
}

async function decoded(text, step) {
  const blob = new Blob([bytesOf(text)], { type: "image/webp" });
  // Labels are numbers: they must come out as they went in.
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(blob, options);
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: context.getImageData(0, 0, width, height).data, width, height, step };
}
