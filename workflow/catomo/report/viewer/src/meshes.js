// Surfaces as the page carries them; `catomo.report.meshes` packs them.
import { BufferAttribute, BufferGeometry } from "three";
import { inflated } from "./data.js";

/**
 * Return the geometry of a packed mesh.
 *
 * Coordinates are 16-bit steps between two corners, each axis for itself, as differences from
 * the point before. Corners of triangles are numbers of points as differences from the highest
 * one so far plus one. Low bytes come first, then the next higher ones.
 */
export async function geometryOf({ points, faces, count, triangles, low, high }) {
  const [steps, back] = await Promise.all([inflated(points), inflated(faces)]);
  const position = new Float32Array(3 * count);
  for (let axis = 0; axis < 3; axis++) {
    const size = (high[axis] - low[axis]) / 65535;
    for (let point = 0, step = 0; point < count; point++) {
      const place = axis * count + point;
      step = (step + steps[place] + (steps[3 * count + place] << 8)) & 65535;
      position[3 * point + axis] = low[axis] + size * step;
    }
  }
  const corners = new Uint32Array(3 * triangles);
  const total = corners.length;
  for (let corner = 0, next = 0; corner < total; corner++) {
    let code = 0;
    for (let byte = 3; byte >= 0; byte--) code = code * 256 + back[byte * total + corner];
    corners[corner] = next - code;
    if (code === 0) next++;
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(position, 3));
  geometry.setIndex(new BufferAttribute(corners, 1));
  geometry.computeVertexNormals();
  return geometry;
}
