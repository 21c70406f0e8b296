// Scale bars: a round length that takes about a fifth of what is seen.

/** Return a round length in nm of at most `most`. */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * power).find((length) => length <= most);
}

/** Return a length with its unit. */
export function lengthText(nm) {
  return nm >= 1000 ? `${nm / 1000} µm` : `${+nm.toPrecision(3)} nm`;
}

/** Set an element to a scale bar for a width in CSS pixels of so many nm per pixel. */
export function setScaleBar(element, nmPerPixel, width) {
  const length = roundLength((nmPerPixel * width) / 5);
  element.style.width = `${length / nmPerPixel}px`;
  element.textContent = lengthText(length);
}
