// The order in which Gaussians are blended, and what lies at a pixel.

import type { Pinhole } from "./messages.js";
import { WIDTH } from "./spawn.js";

const DIGIT = 1 << 16;
const NEAREST = 0.01;
const LEAST = 1 / 255;

/** Numbers of all Gaussians, the farthest first; equal ones the last first. Those that are not drawn come first. */
export function farthestFirst(gaussians: Float32Array, camera: Pinhole): Uint32Array {
  const count = gaussians.length / WIDTH;
  const [a, b, c] = [camera.axes[6]!, camera.axes[7]!, camera.axes[8]!];
  const shift = camera.origin[2];
  const depths = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * WIDTH;
    const depth = a * gaussians[at]! + b * gaussians[at + 1]! + c * gaussians[at + 2]! + shift;
    depths[i] = gaussians[at + 3]! > 0 && depth >= NEAREST ? depth : Infinity;
  }
  const bits = new Uint32Array(depths.buffer); // of positive numbers, they rise as the numbers do
  const lastFirst = new Uint32Array(count);
  for (let i = 0; i < count; i++) lastFirst[i] = count - 1 - i;
  return byDigit(byDigit(lastFirst, bits, 0), bits, 16);
}

/** A stable sort by 16 bits of the keys, falling. */
function byDigit(order: Uint32Array, keys: Uint32Array, low: number): Uint32Array {
  const start = new Uint32Array(DIGIT + 1);
  for (let i = 0; i < keys.length; i++) start[DIGIT - ((keys[i]! >>> low) & (DIGIT - 1))]! += 1;
  for (let i = 0; i < DIGIT; i++) start[i + 1]! += start[i]!;
  const sorted = new Uint32Array(order.length);
  for (let place = 0; place < order.length; place++) {
    const i = order[place]!;
    sorted[start[DIGIT - 1 - ((keys[i]! >>> low) & (DIGIT - 1))]!++] = i;
  }
  return sorted;
}

/** The object that fills most of a pixel, as solid as it is to clicks, 0 for none, and where the surface is that one sees. */
export function at(
  gaussians: Float32Array,
  order: Uint32Array,
  camera: Pinhole,
  x: number,
  y: number,
): { object: number; place: [number, number, number] | undefined } {
  const shares = new Map<number, number>();
  let place: [number, number, number] | undefined;
  let left = 1;
  let bright = 1;
  for (let i = order.length - 1; i >= 0 && (left > 1e-4 || place === undefined); i--) {
    const start = order[i]! * WIDTH;
    const [drawn, opaque] = [gaussians[start + 3]!, gaussians[start + 14]!];
    if (!(drawn > 0)) continue;
    const falloff = falloffAt(gaussians, start, camera, x, y);
    const alpha = Math.min(0.999, opaque * falloff);
    if (alpha >= LEAST && left > 1e-4) {
      const object = gaussians[start + 7]!;
      shares.set(object, (shares.get(object) ?? 0) + left * alpha);
      left *= 1 - alpha;
    }
    const colour = Math.min(0.999, drawn * falloff);
    if (colour >= LEAST) bright *= 1 - colour;
    if (place === undefined && bright < 0.5) place = [gaussians[start]!, gaussians[start + 1]!, gaussians[start + 2]!];
  }
  shares.set(0, (shares.get(0) ?? 0) + left); // what shines through is no object either, as in csg select
  let [object, most] = [0, 0];
  for (const [one, share] of shares) {
    if (share > most || (share === most && one < object)) [object, most] = [one, share];
  }
  return { object, place };
}

/** What its opacity is multiplied by at a point of the image: FORMAT.md, section 9.5. */
function falloffAt(gaussians: Float32Array, at: number, camera: Pinhole, column: number, row: number): number {
  const [px, py, pz] = [gaussians[at]!, gaussians[at + 1]!, gaussians[at + 2]!];
  const w = camera.axes;
  const z = w[6]! * px + w[7]! * py + w[8]! * pz + camera.origin[2];
  if (z < NEAREST) return 0;
  const x = w[0]! * px + w[1]! * py + w[2]! * pz + camera.origin[0];
  const y = w[3]! * px + w[4]! * py + w[5]! * pz + camera.origin[1];
  const { fx, fy, cx, cy, width, height } = camera;
  const limit = (value: number, centre: number, size: number, focal: number): number =>
    Math.min((size - centre) / focal + (0.15 * size) / focal, Math.max(-centre / focal - (0.15 * size) / focal, value));
  const tx = limit(x / z, cx, width, fx);
  const ty = limit(y / z, cy, height, fy);
  const dx = column - ((fx * x) / z + cx);
  const dy = row - ((fy * y) / z + cy);
  const u = [0, 1, 2].map((i) => (fx * (w[i]! - tx * w[6 + i]!)) / z) as [number, number, number];
  const v = [0, 1, 2].map((i) => (fy * (w[3 + i]! - ty * w[6 + i]!)) / z) as [number, number, number];
  const [xx, xy, xz, yy, yz, zz] = gaussians.subarray(at + 8, at + 14) as unknown as [number, number, number, number, number, number];
  const form = (a: number[], b: number[]): number =>
    a[0]! * (xx * b[0]! + xy * b[1]! + xz * b[2]!) +
    a[1]! * (xy * b[0]! + yy * b[1]! + yz * b[2]!) +
    a[2]! * (xz * b[0]! + yz * b[1]! + zz * b[2]!);
  const [a, b, c] = [form(u, u) + 0.3, form(u, v), form(v, v) + 0.3];
  const power = (c * dx * dx - 2 * b * dx * dy + a * dy * dy) / (2 * (a * c - b * b));
  return Math.exp(-power);
}
