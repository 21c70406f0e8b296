// The 3-D view: its controls, and what stands there where a browser has no WebGL.
import { rgb, save } from "./data.js";
import { geometryOf } from "./meshes.js";
import { SurfaceScene } from "./scene.js";
import { setScaleBar } from "./scale_bar.js";

/** Return the 3-D view, or null where the browser cannot draw it; then the pictures stay. */
export async function makeView3d(section, data) {
  const canvas = section.querySelector("canvas");
  let scene;
  try {
    scene = new SurfaceScene(canvas, data.background);
  } catch {
    section.classList.add("no-webgl");
    return null;
  }
  for (const part of data.meshes) {
    scene.add(part.name, await geometryOf(part), part.colour, part.opacity);
  }
  const view = new View3d(section, scene, data);
  view.reset("view_front");
  section.dataset.ready = "true";
  return view;
}

/** Return white on dark colours and black on light ones. */
function contrast(colour) {
  const [red, green, blue] = rgb(colour);
  return 0.3 * red + 0.59 * green + 0.11 * blue < 140 ? "#ffffff" : "#000000";
}

class View3d {
  constructor(section, scene, data) {
    Object.assign(this, { section, scene, data });
    this.bar = section.querySelector(".scale-bar");
    this.bar.style.color = contrast(data.background);
    this.axis = section.querySelector("#clip-axis");
    this.place = section.querySelector("#clip-place");
    scene.onChange = () => this.#tell();
    this.#listen();
  }

  /** Look as one of the paper's views does. */
  reset(name) {
    const { look, up, opaque } = this.data.views[name];
    for (const part of this.data.meshes) {
      this.#setOpacity(part.name, opaque ? 1 : part.opacity);
    }
    this.scene.marker.visible = false;
    this.scene.look(look, up);
  }

  /** Turn to a box in nm, as that of a particle. */
  goTo(low, high) {
    this.scene.goTo(low, high);
  }

  #setOpacity(name, opacity) {
    this.section.querySelector(`[data-opacity-of="${name}"]`).value = Math.round(100 * opacity);
    this.scene.setOpacity(name, opacity);
  }

  #tell() {
    const { canvas, camera, controls } = this.scene;
    setScaleBar(this.bar, this.scene.nmPerPixel, canvas.clientWidth);
    const texts = [controls.target, camera.position].map((v) =>
      v.toArray().map((n) => n.toFixed(2)).join(" "));
    canvas.dataset.camera = `${texts.join(" ")} ${camera.zoom.toFixed(3)}`;
  }

  #listen() {
    const { section, scene } = this;
    for (const box of section.querySelectorAll("[data-class]")) {
      box.addEventListener("change", () => {
        scene.setVisible(box.dataset.class, box.checked);
        scene.draw();
      });
    }
    for (const slider of section.querySelectorAll("[data-opacity-of]")) {
      slider.addEventListener("input", () => {
        scene.setOpacity(slider.dataset.opacityOf, slider.value / 100);
        scene.draw();
      });
    }
    const clip = () => {
      const isOn = this.axis.value !== "";
      this.place.disabled = !isOn;
      scene.clip(isOn ? Number(this.axis.value) : null, this.place.value / 1000);
      scene.draw();
    };
    this.axis.addEventListener("change", clip);
    this.place.addEventListener("input", clip);
    for (const button of section.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.reset(button.dataset.view));
    }
    section.querySelector("#save-picture").addEventListener("click", () => this.#save());
    scene.canvas.addEventListener("keydown", (event) => this.#turn(event));
    new ResizeObserver(() => scene.resize()).observe(scene.canvas);
  }

  /** Turn the view with the arrow keys, and zoom with + and -. */
  #turn(event) {
    const { controls, camera } = this.scene;
    const step = Math.PI / 24;
    const turns = {
      ArrowLeft: () => controls.rotateLeft(step),
      ArrowRight: () => controls.rotateLeft(-step),
      ArrowUp: () => controls.rotateUp(step),
      ArrowDown: () => controls.rotateUp(-step),
      "+": () => (camera.zoom *= 1.2),
      "-": () => (camera.zoom /= 1.2),
    };
    if (!(event.key in turns)) return;
    event.preventDefault();
    turns[event.key]();
    camera.updateProjectionMatrix();
    controls.update();
    this.scene.draw();
  }

  /** Save what is seen, with its scale bar, as a PNG. */
  #save() {
    const { canvas } = this.scene;
    this.scene.draw();
    const copy = document.createElement("canvas");
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext("2d");
    context.drawImage(canvas, 0, 0);
    const ratio = canvas.width / canvas.clientWidth;
    const length = parseFloat(this.bar.style.width) * ratio;
    const [left, bottom] = [16 * ratio, canvas.height - 16 * ratio];
    context.fillStyle = this.bar.style.color;
    context.fillRect(left, bottom - 5 * ratio, length, 5 * ratio);
    context.font = `${14 * ratio}px sans-serif`;
    context.fillText(this.bar.textContent, left, bottom - 10 * ratio);
    copy.toBlob((blob) => save(blob, `${this.data.dataset}_3d.png`), "image/png");
  }
}
