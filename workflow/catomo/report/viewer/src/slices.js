// The slice browser.
import { paintedSlice } from "./paint.js";
import { setScaleBar } from "./scale_bar.js";

const FRAME_MS = 80; // of a slice while they are played
const LEAP = 10; // slices of PageUp and PageDown

export class SliceBrowser {
  constructor(section, stack) {
    this.section = section;
    this.stack = stack;
    this.canvas = section.querySelector("canvas");
    this.slider = section.querySelector("#slice-number");
    this.readout = section.querySelector("#slice-readout");
    this.pointer = section.querySelector("#slice-pointer");
    this.isOn = section.querySelector("#overlay-on");
    this.layer = section.querySelector("#overlay-layer");
    this.opacity = section.querySelector("#overlay-opacity");
    this.play = section.querySelector("#slice-play");
    this.drawn = 0;
    this.#listen();
  }

  get number() {
    return Number(this.slider.value);
  }

  /** Show a slice. */
  async show(number) {
    const last = this.stack.count - 1;
    this.slider.value = Math.max(0, Math.min(last, number));
    await this.draw();
  }

  async draw() {
    const turn = ++this.drawn;
    const { stack, number } = this;
    const layer = this.isOn?.checked ? this.layer.value : "none";
    const picture = await paintedSlice(stack, number, {
      layer,
      opacity: this.opacity ? this.opacity.value / 100 : 0,
    });
    if (turn !== this.drawn) return; // another one was asked for since
    this.canvas.width = picture.width;
    this.canvas.height = picture.height;
    this.canvas.getContext("2d").putImageData(picture, 0, 0);
    this.canvas.dataset.slice = number;
    const place = stack.isVolume ? `, y = ${(number * stack.pixelSizeNm).toFixed(1)} nm` : "";
    const text = `${number + 1} of ${stack.count} (${stack.names[number]})${place}`;
    this.readout.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.canvas.setAttribute("aria-label", `Slice ${text}`);
    this.scale();
  }

  scale() {
    const width = this.canvas.clientWidth;
    const nmPerPixel = (this.stack.columns * this.stack.pixelSizeNm) / width;
    if (width) setScaleBar(this.section.querySelector(".scale-bar"), nmPerPixel, width);
  }

  toggle() {
    this.timer ? this.stop() : this.start();
  }

  start() {
    this.play.textContent = "Pause";
    const next = async () => {
      await this.show((this.number + 1) % this.stack.count);
      if (this.timer) this.timer = setTimeout(next, FRAME_MS);
    };
    this.timer = setTimeout(next, 0);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }

  #listen() {
    this.slider.addEventListener("input", () => this.draw());
    for (const control of [this.isOn, this.layer, this.opacity]) {
      control?.addEventListener("input", () => this.draw());
    }
    this.play.addEventListener("click", () => this.toggle());
    this.section.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => {
      const isFree = document.activeElement === document.body;
      if (isFree && ["ArrowLeft", "ArrowRight"].includes(event.key)) this.#key(event);
    });
    this.canvas.addEventListener("pointermove", (event) => this.#tell(event));
    this.canvas.addEventListener("pointerleave", () => (this.pointer.textContent = "–"));
    new ResizeObserver(() => this.scale()).observe(this.canvas);
  }

  #key(event) {
    if (event.target.matches("input, select, button") || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    Object.assign(steps, { PageDown: -LEAP, PageUp: LEAP, Home: -Infinity, End: Infinity });
    if (event.key in steps) this.show(this.number + steps[event.key]);
    else if (event.key === " ") this.toggle();
    else if (event.key === "o" && this.isOn) this.isOn.click();
    else return;
    event.preventDefault();
  }

  async #tell(event) {
    const { stack, number } = this;
    const box = this.canvas.getBoundingClientRect();
    const clamp = (part, most) => Math.max(0, Math.min(most - 1, Math.floor(part * most)));
    const column = clamp((event.clientX - box.left) / box.width, stack.columns);
    const row = clamp((event.clientY - box.top) / box.height, stack.rows);
    const voxel = await stack.at(number, row, column);
    const nm = (place) => (place * stack.pixelSizeNm).toFixed(1);
    const title = (label) => stack.classes[label]?.title ?? "not annotated";
    const parts = [`x ${nm(column)} nm, z ${nm(row)} nm (column ${column}, row ${row})`];
    if (voxel.label !== null) parts.push(title(voxel.label));
    if (voxel.confidence !== null) parts.push(`confidence about ${voxel.confidence.toFixed(2)}`);
    if (voxel.truth !== null) parts.push(`truth: ${title(voxel.truth)}`);
    this.pointer.textContent = parts.join(" · ");
  }
}
