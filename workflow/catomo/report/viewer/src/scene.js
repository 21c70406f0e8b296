// The scene of the 3-D view: surfaces, lights, an orthographic camera, one clipping plane.
import {
  Box3Helper, Box3, Color, DirectionalLight, DoubleSide, HemisphereLight, Mesh,
  MeshLambertMaterial, OrthographicCamera, Plane, Scene, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";

const MARGIN = 1.05; // around what is shown

export class SurfaceScene {
  /** @throws where the browser has no WebGL */
  constructor(canvas, background) {
    this.canvas = canvas;
    this.renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.scene = new Scene();
    this.scene.background = new Color(background);
    this.camera = new OrthographicCamera();
    this.controls = new OrbitControls(this.camera, canvas);
    this.plane = new Plane(new Vector3(-1, 0, 0), 0);
    this.meshes = new Map();
    this.box = new Box3();
    this.scene.add(this.camera, new HemisphereLight(0xffffff, 0x8899aa, 1.6));
    const lamp = new DirectionalLight(0xffffff, 1.8);
    lamp.position.set(0.4, 0.6, 1);
    this.camera.add(lamp); // the light comes from behind the viewer
    this.marker = new Box3Helper(new Box3(), 0xd40078);
    this.marker.visible = false;
    this.marker.material.depthTest = false; // it is seen through what lies before it
    this.marker.renderOrder = 2;
    this.scene.add(this.marker);
    this.onChange = () => {};
    this.controls.addEventListener("change", () => this.draw());
  }

  add(name, geometry, colour, opacity) {
    const material = new MeshLambertMaterial({ color: colour, side: DoubleSide });
    const mesh = new Mesh(geometry, material);
    this.meshes.set(name, mesh);
    this.scene.add(mesh);
    this.box.expandByObject(mesh);
    this.setOpacity(name, opacity);
  }

  setOpacity(name, opacity) {
    const { material } = this.meshes.get(name);
    Object.assign(material, { opacity, transparent: opacity < 1, depthWrite: opacity === 1 });
    material.needsUpdate = true;
    this.meshes.get(name).renderOrder = opacity < 1 ? 1 : 0;
  }

  setVisible(name, isVisible) {
    this.meshes.get(name).visible = isVisible;
  }

  /** Cut off all beyond a place (0 to 1) along an axis (0 to 2); null: do not clip. */
  clip(axis, part) {
    this.renderer.clippingPlanes = axis === null ? [] : [this.plane];
    if (axis === null) return;
    const [low, high] = [this.box.min.getComponent(axis), this.box.max.getComponent(axis)];
    this.plane.normal.set(0, 0, 0).setComponent(axis, -1);
    this.plane.constant = low + part * (high - low);
  }

  /** Look in a direction, with all surfaces in sight. */
  look(direction, up) {
    const centre = this.box.getCenter(new Vector3());
    const radius = this.box.getSize(new Vector3()).length() / 2 || 1;
    const forward = new Vector3(...direction).normalize();
    this.radius = radius;
    Object.assign(this.camera, { near: 0, far: 8 * radius, zoom: 1 });
    this.camera.up.set(...up);
    this.camera.position.copy(centre).addScaledVector(forward, -4 * radius);
    this.controls.target.copy(centre);
    const across = forward.clone().cross(this.camera.up).normalize();
    const upward = across.clone().cross(forward);
    const half = this.box.getSize(new Vector3()).multiplyScalar(0.5);
    const reach = (axis) => [0, 1, 2].reduce(
      (sum, k) => sum + Math.abs(axis.getComponent(k)) * half.getComponent(k), 0);
    this.seen = { width: 2 * MARGIN * reach(across), height: 2 * MARGIN * reach(upward) };
    this.resize();
    this.controls.update();
  }

  /** Turn to a box, which is marked; nothing else changes but the part that is seen. */
  goTo(low, high) {
    const box = new Box3(new Vector3(...low), new Vector3(...high));
    this.marker.box.copy(box);
    this.marker.visible = true;
    const centre = box.getCenter(new Vector3());
    const moved = centre.clone().sub(this.controls.target);
    this.controls.target.copy(centre);
    this.camera.position.add(moved);
    const size = Math.max(...box.getSize(new Vector3()).toArray());
    this.camera.zoom = Math.max(1, Math.min(this.seen.width, this.seen.height) / (6 * size));
    this.camera.updateProjectionMatrix();
    this.controls.update();
    this.draw();
  }

  get nmPerPixel() {
    return (this.camera.right - this.camera.left) / this.camera.zoom / this.canvas.clientWidth;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.seen) return;
    this.renderer.setSize(width, height, false);
    const halfWidth = Math.max(this.seen.width, (this.seen.height * width) / height) / 2;
    const halfHeight = (halfWidth * height) / width;
    Object.assign(this.camera, {
      left: -halfWidth, right: halfWidth, top: halfHeight, bottom: -halfHeight,
    });
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  draw() {
    this.renderer.render(this.scene, this.camera);
    this.onChange();
  }
}
