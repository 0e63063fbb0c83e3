// What handles there are over selected objects: arrows that move them, a ring that turns them, a knob that sizes them.

import type { Edit } from "../../dist/index.js";
import { along, projected } from "./flight.js";
import { add, cross, length, minus, times, unit, type Vector } from "./maths.js";
import type { Pinhole } from "./messages.js";

export type Tool = "select" | "move" | "rotate" | "scale" | "measure";

/** What a drag of so many pixels to the right and down makes; nothing where that changes nothing. */
export type EditOf = (drag: readonly [number, number]) => Edit | undefined;

/** A line, a ring or a knob. A tool has always the same ones, in the same order. */
export interface Mark {
  readonly shape: "line" | "polyline" | "circle";
  readonly kind: string;
  /** Of what can be dragged. */
  readonly label?: string;
  readonly edit?: EditOf;
  /** Attributes that say where it is; nothing where it is out of sight. */
  readonly place: Readonly<Record<string, string | number>> | undefined;
}

/** Objects that handles are for. */
export interface Handled {
  readonly ids: readonly number[];
  readonly middle: Vector;
  readonly up: Vector;
}

type Point = readonly [number, number];

const REACH = 0.16;
const RING = 48;
const GRIP = 9;
const KNOB = 60;
const AXES: readonly (readonly [name: string, axis: Vector])[] = [
  ["x", [1, 0, 0]],
  ["y", [0, 1, 0]],
  ["z", [0, 0, 1]],
];

/** The handles of a tool; `scale` is pixels of the camera in one of the page. */
export function marksOf(tool: Tool, camera: Pinhole, scale: number, handled: Handled): readonly Mark[] {
  const at = (point: Vector): Point | undefined => {
    const seen = projected(camera, point);
    return seen && [seen[0] / scale, seen[1] / scale];
  };
  const size = REACH * length(minus(handled.middle, camera.eye));
  if (tool === "move") return arrows(camera, scale, handled, size, at);
  if (tool === "rotate") return ring(handled, size, at);
  return tool === "scale" ? knob(handled, at) : [];
}

function arrows(camera: Pinhole, scale: number, { ids, middle }: Handled, size: number, at: (point: Vector) => Point | undefined): Mark[] {
  const foot = at(middle);
  return AXES.flatMap(([name, axis]) => {
    const tip = foot && at(add(middle, times(axis, size)));
    const edit: EditOf = ([dx, dy]) => {
      const way = along(camera, middle, axis, [dx * scale, dy * scale]);
      return way === 0 ? undefined : { do: "move", objects: ids, shift: rounded(times(axis, way)) };
    };
    return [line(foot, tip, name), grip(tip, name, `move along ${name}`, edit)];
  });
}

function ring({ ids, middle, up }: Handled, size: number, at: (point: Vector) => Point | undefined): Mark[] {
  const across = unit(cross(up, Math.abs(up[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0]));
  const other = cross(up, across);
  const points = Array.from({ length: RING + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / RING;
    return at(add(middle, times(add(times(across, Math.cos(angle)), times(other, Math.sin(angle))), size)));
  }).filter((point) => point !== undefined);
  const edit: EditOf = ([dx]) => {
    const degrees = Math.round(dx * 5) / 10;
    return degrees === 0 ? undefined : { do: "rotate", objects: ids, axis: up, degrees, about: middle };
  };
  const place = at(middle) && points.length > 1 ? { points: points.map((point) => point.join(",")).join(" ") } : undefined;
  return [{ shape: "polyline", kind: "z ring", edit, place }, grip(place && points[0], "z", "turn", edit)];
}

function knob({ ids, middle }: Handled, at: (point: Vector) => Point | undefined): Mark[] {
  const foot = at(middle);
  const tip: Point | undefined = foot && [foot[0] + KNOB, foot[1] - KNOB];
  const edit: EditOf = ([dx, dy]) => {
    const factor = Number(Math.exp((dx - dy) / 150).toPrecision(4));
    return factor === 1 ? undefined : { do: "scale", objects: ids, factor, about: middle };
  };
  return [line(foot, tip, "y"), grip(tip, "y", "size", edit)];
}

function line(from: Point | undefined, to: Point | undefined, kind: string): Mark {
  return { shape: "line", kind, place: from && to && { x1: from[0], y1: from[1], x2: to[0], y2: to[1] } };
}

function grip(at: Point | undefined, kind: string, label: string, edit: EditOf): Mark {
  return { shape: "circle", kind, label, edit, place: at && { cx: at[0], cy: at[1], r: GRIP } };
}

function rounded(vector: Vector): Vector {
  const [x, y, z] = vector.map((part) => Number(part.toPrecision(6)));
  return [x!, y!, z!];
}
