// Vectors, quaternions (w x y z) and similarities, in double precision.

export type Vector = readonly [number, number, number];
export type Quaternion = readonly [number, number, number, number];

/** The map x -> factor * R(turn) x + shift. */
export interface Similarity {
  readonly factor: number;
  readonly turn: Quaternion;
  readonly shift: Vector;
}

export const STILL: Similarity = { factor: 1, turn: [1, 0, 0, 0], shift: [0, 0, 0] };

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const times = (a: Vector, s: number): Vector => [a[0] * s, a[1] * s, a[2] * s];
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const length = (a: Vector): number => Math.hypot(...a);
export const unit = (a: Vector): Vector => times(a, 1 / (length(a) || 1));
export const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Three numbers of something longer. */
export function vectorAt(array: ArrayLike<number>, start = 0): Vector {
  return [array[start]!, array[start + 1]!, array[start + 2]!];
}

export function product(a: Quaternion, b: Quaternion): Quaternion {
  return [
    a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
    a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
    a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
    a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
  ];
}

export const inverseTurn = (q: Quaternion): Quaternion => [q[0], -q[1], -q[2], -q[3]];

export function turned(q: Quaternion, v: Vector): Vector {
  const axis: Vector = [q[1], q[2], q[3]];
  const once = times(cross(axis, v), 2);
  return add(add(v, times(once, q[0])), cross(axis, once));
}

/** Around an axis of any length, counter-clockwise as seen from its tip. */
export function turnAround(axis: Vector, degrees: number): Quaternion {
  const half = (degrees * Math.PI) / 360;
  const [x, y, z] = times(unit(axis), Math.sin(half));
  return [Math.cos(half), x, y, z];
}

export function mapped(motion: Similarity, point: Vector): Vector {
  return add(times(turned(motion.turn, point), motion.factor), motion.shift);
}

/** Where `motion` takes a point from. */
export function unmapped(motion: Similarity, point: Vector): Vector {
  return times(turned(inverseTurn(motion.turn), minus(point, motion.shift)), 1 / motion.factor);
}

/** First one, then the other. */
export function then(first: Similarity, second: Similarity): Similarity {
  return {
    factor: first.factor * second.factor,
    turn: product(second.turn, first.turn),
    shift: mapped(second, first.shift),
  };
}

/** Turn and scale that leave a point where it is. */
export function about(point: Vector, turn: Quaternion, factor: number): Similarity {
  const moved = times(turned(turn, point), factor);
  return { factor, turn, shift: minus(point, moved) };
}

export function isStill(motion: Similarity): boolean {
  return motion === STILL;
}

export function same(a: Similarity, b: Similarity): boolean {
  const numbers = ({ factor, turn, shift }: Similarity): number[] => [factor, ...turn, ...shift];
  const others = numbers(b);
  return a === b || numbers(a).every((number, i) => number === others[i]);
}
