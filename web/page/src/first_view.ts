// From where a scene is seen first.

import type { CodedScene } from "../../dist/index.js";
import { levelAxes } from "./flight.js";
import type { Part } from "./look.js";
import { dot, minus, vectorAt, type Vector } from "./maths.js";

const DOWN: Vector = [0, 0, 1];
const LOOKED_AT = 2000;

/** Around what to look, from how far, from how high, and from which side. */
export interface FirstView {
  readonly focus: Vector;
  readonly radius: number;
  readonly height: number;
  readonly around: number;
  readonly up: Vector;
}

/** Where the best photo was taken, or near where the photographer went, or around the middle of what is there. */
export function firstViewOf(scene: CodedScene, parts: readonly Part[]): FirstView {
  const { extra } = scene.facts;
  const up = isVector(extra["up"]) ? vectorAt(extra["up"]) : DOWN;
  const told = extra["orbit"] as Partial<Record<string, unknown>> | undefined;
  const [focus, radius, height] = [told?.["focus"], told?.["radius"], told?.["height"]];
  if (isVector(focus) && Number.isFinite(radius) && Number.isFinite(height) && (radius as number) > 0) {
    const middle = vectorAt(focus);
    return { ...(bestOf(extra["views"], middle, up) ?? { radius: radius as number, height: height as number, around: 0 }), focus: middle, up };
  }
  const places = parts.flatMap(({ scene: part, placement }) => {
    const step = Math.max(1, Math.floor(part.rows / LOOKED_AT));
    const size = part.facts.voxelSize * placement.factor;
    return Array.from({ length: Math.floor(part.rows / step) }, (_, i) => vectorAt(part.voxels, 3 * i * step).map((x) => x * size));
  });
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const middle = vectorAt([0, 1, 2].map((axis) => median(places.map((place) => place[axis]!))));
  const around = 1.5 * median(places.map((place) => Math.hypot(...place.map((x, i) => x - middle[i]!)))) || 1;
  return { focus: middle, radius: around, height: 0.45 * around, around: 0, up };
}

/** Where the first of the poses that a file tells of is, as seen from what it looks at. */
function bestOf(told: unknown, focus: Vector, up: Vector): Pick<FirstView, "radius" | "height" | "around"> | undefined {
  const poses = (told as { poses?: unknown } | undefined)?.poses;
  const pose: unknown = Array.isArray(poses) ? poses[0] : undefined;
  if (!Array.isArray(pose) || pose.length !== 6 || !pose.every(Number.isFinite)) return undefined;
  const away = minus(vectorAt(pose as number[]), focus);
  const [first, second] = levelAxes(up).map((axis) => dot(away, axis)) as [number, number];
  const radius = Math.hypot(first, second);
  return radius > 0 ? { radius, height: dot(away, up), around: Math.atan2(second, first) } : undefined;
}

function isVector(told: unknown): told is number[] {
  return Array.isArray(told) && told.length === 3 && told.every(Number.isFinite);
}
