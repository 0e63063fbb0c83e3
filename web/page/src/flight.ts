// Where the camera is, and how pointers, wheels and keys move it.

import { add, cross, dot, length, minus, times, unit, vectorAt, type Vector } from "./maths.js";
import type { Pinhole } from "./messages.js";

const STEEPEST = 1.55;
const FIELD = (50 * Math.PI) / 180;
const TURN = 0.005;

/** Around a point: angles from the first axis and above the horizon. */
export interface Orbit {
  readonly focus: Vector;
  readonly distance: number;
  readonly around: number;
  readonly above: number;
}

/** Two axes across the one that is up; angles around it begin at the first. */
export function levelAxes(up: Vector): [Vector, Vector] {
  const across: Vector = Math.abs(up[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0];
  const first = unit(minus(across, times(up, dot(across, up))));
  return [first, cross(up, first)];
}

export class Flight {
  orbit: Orbit;
  readonly #first: Vector;
  readonly #second: Vector;

  constructor(
    readonly up: Vector,
    start: Orbit,
  ) {
    this.orbit = start;
    [this.#first, this.#second] = levelAxes(up);
  }

  /** From the eye back to where it came from, away from what it looks at. */
  get back(): Vector {
    const { around, above } = this.orbit;
    const level = add(times(this.#first, Math.cos(around)), times(this.#second, Math.sin(around)));
    return add(times(level, Math.cos(above)), times(this.up, Math.sin(above)));
  }

  get eye(): Vector {
    return add(this.orbit.focus, times(this.back, this.orbit.distance));
  }

  /** As a camera for a picture of so many pixels. */
  pinhole(width: number, height: number): Pinhole {
    const focal = (0.5 * Math.min(height, width)) / Math.tan(FIELD / 2);
    return lookingAt(this.eye, this.back, this.up, { fx: focal, fy: focal, cx: width / 2, cy: height / 2, width, height });
  }

  turn(dx: number, dy: number): void {
    const { around, above } = this.orbit;
    const steep = Math.min(STEEPEST, Math.max(-STEEPEST, above + dy * TURN));
    this.orbit = { ...this.orbit, around: around - dx * TURN, above: steep };
  }

  /** Move what is looked at, in pixels of a picture of this height. */
  pan(dx: number, dy: number, height: number): void {
    const { axes } = this.pinhole(1, 1);
    const size = (2 * Math.tan(FIELD / 2) * this.orbit.distance) / height;
    const [right, down] = [vectorAt(axes), vectorAt(axes, 3)];
    this.orbit = { ...this.orbit, focus: minus(this.orbit.focus, add(times(right, dx * size), times(down, dy * size))) };
  }

  zoom(factor: number): void {
    this.orbit = { ...this.orbit, distance: Math.max(1e-6, this.orbit.distance * factor) };
  }

  /** Fly on: to the right, up, ahead, in shares of the distance. */
  fly(right: number, up: number, ahead: number): void {
    const { axes } = this.pinhole(1, 1);
    const way = add(times(vectorAt(axes), right), add(times(this.up, up), times(vectorAt(axes, 6), ahead)));
    this.orbit = { ...this.orbit, focus: add(this.orbit.focus, times(way, this.orbit.distance)) };
  }

  /** Look at a point from where the camera is. */
  focusOn(point: Vector): void {
    this.orbit = { ...this.orbit, focus: point };
  }

  /** For the address of the page. */
  toText(): string {
    const { focus, distance, around, above } = this.orbit;
    return [...focus, distance, around, above].map((number) => Number(number.toPrecision(6))).join(",");
  }

  fromText(text: string): void {
    const numbers = text.split(",").map(Number);
    const [x, y, z, distance, around, above] = numbers;
    if (numbers.length !== 6 || !numbers.every(Number.isFinite) || !(distance! > 0)) return;
    this.orbit = { focus: [x!, y!, z!], distance: distance!, around: around!, above: above! };
  }
}

/** A camera at `eye` that looks along minus `back`. */
export function lookingAt(
  eye: Vector,
  back: Vector,
  up: Vector,
  lens: Pick<Pinhole, "fx" | "fy" | "cx" | "cy" | "width" | "height">,
): Pinhole {
  const away = unit(back);
  const right = unit(cross(up, away));
  const down = times(cross(away, right), -1);
  const axes = [...right, ...down, ...times(away, -1)];
  const origin = vectorAt([0, 3, 6].map((row) => -dot(vectorAt(axes, row), eye)));
  return { axes, origin, eye, ...lens };
}

/** Where a point of the scene is in the picture; undefined behind the camera. */
export function projected(camera: Pinhole, point: Vector): [number, number] | undefined {
  const [x, y, z] = [0, 3, 6].map((row, i) => dot(vectorAt(camera.axes, row), point) + camera.origin[i]!) as [number, number, number];
  return z > 0.01 ? [(camera.fx * x) / z + camera.cx, (camera.fy * y) / z + camera.cy] : undefined;
}

/** How far along a line through `point` a drag of the pointer leads. */
export function along(camera: Pinhole, point: Vector, axis: Vector, drag: readonly [number, number]): number {
  const step = length(minus(point, camera.eye)) * 0.05;
  const [a, b] = [projected(camera, point), projected(camera, add(point, times(axis, step)))];
  if (!a || !b) return 0;
  const [x, y] = [b[0] - a[0], b[1] - a[1]];
  const size = x * x + y * y;
  return size > 1e-6 ? ((drag[0] * x + drag[1] * y) / size) * step : 0;
}
