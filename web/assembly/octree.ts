// The octree of FORMAT.md, section 5, walked level by level.
//
// A node knows its neighbours by their places in the list of its level. Those of its children follow from them, so that
// nothing is ever searched: time is in proportion to the nodes, whatever the bytes say.

import { close, open, overrun, readBit } from "./binary_coder";
import { bitOf, clearCells, clearWeights, mixed, mixedBit } from "./mixing";
import { BAD_END, OK, WRONG_COUNT } from "./status";

const SINGLE_LIMIT: u32 = 30;
const OCCUPANCY_LIMIT: u32 = 60;
const FIRST_WEIGHT: i32 = 19660;
const CONTEXTS: u32 = 7;

// Cells: the single flag, zero levels, then the seven rows of the table of contexts.
const SINGLE: u32 = 0;
const ZEROS: u32 = SINGLE + (1 << 14);
const BY_DEPTH: u32 = ZEROS + 32;
const BY_NEAR: u32 = BY_DEPTH + (1 << 13);
const BY_PARENT: u32 = BY_NEAR + (1 << 11);
const BY_FACES: u32 = BY_PARENT + (1 << 16);
const BY_FAMILY: u32 = BY_FACES + (1 << 16);
const BY_FACES_PREFIX: u32 = BY_FAMILY + (1 << 16);
const BY_BESIDE: u32 = BY_FACES_PREFIX + (1 << 15);
const CELLS: u32 = BY_BESIDE + (1 << 14);
const WEIGHTS: u32 = 21 * 5 * 2 * CONTEXTS;

/** Bytes of memory that `octree` works in, for `count` points. */
export function octreeWork(count: u32): u32 {
  return (CELLS + WEIGHTS) * 4 + 2 * count * <u32>offsetof<Node>();
}

@unmanaged
class Node {
  key: u64;
  /** Neighbours beyond -x, -y, -z, +x, +y, +z: one more than their places in the level, 0 where there is none. */
  beyond0: u32;
  beyond1: u32;
  beyond2: u32;
  beyond3: u32;
  beyond4: u32;
  beyond5: u32;
  /** Place of the first child in the next level. */
  first: u32;
  /** Which children exist; none of a single node. */
  occupancy: u8;
  parent: u8;
  place: u8;
  cousins: u8;
}

let cells: usize = 0;
let weights: usize = 0;
let level: usize = 0;

// @ts-ignore: decorator
@inline
function nodeAt(list: usize, place: u32): Node {
  return changetype<Node>(list + <usize>place * offsetof<Node>());
}

// @ts-ignore: decorator
@inline
function beyond(node: Node, face: u32): u32 {
  return load<u32>(changetype<usize>(node) + 8 + (face << 2));
}

// @ts-ignore: decorator
@inline
function cell(index: u32): usize {
  return cells + (index << 2);
}

/**
 * Decode a tree of `depth` >= 1 with `count` points into their keys (u64), in no particular order.
 *
 * @param work Memory of `octreeWork(count)` bytes.
 */
export function octree(
  stream: usize, length: u32, depth: u32, zeroLevels: bool, count: u32, work: usize, keys: usize,
): i32 {
  open(stream, length);
  cells = work;
  weights = cells + CELLS * 4;
  level = weights + WEIGHTS * 4;
  let nextLevel = level + <usize>count * offsetof<Node>();
  clearCells(cells, CELLS);
  clearWeights(weights, WEIGHTS, FIRST_WEIGHT);
  memory.fill(level, 0, offsetof<Node>());
  let nodes: u32 = 1;
  let found: u32 = 0;
  for (let d: u32 = 0; d < depth && nodes > 0; d++) {
    let children: u32 = 0;
    for (let i: u32 = 0; i < nodes; i++) {
      const node = nodeAt(level, i);
      node.first = children;
      if (isSingle(node, d)) {
        store<u64>(keys + (<usize>found << 3), singlePoint(node.key, depth - d, zeroLevels));
        found += 1;
        node.occupancy = 0;
      } else {
        node.occupancy = <u8>readOccupancy(node, d);
        children += <u32>popcnt<u32>(node.occupancy);
      }
      if (found + (nodes - 1 - i) + children > count) return WRONG_COUNT;
      if (overrun()) return BAD_END;
    }
    if (d + 1 == depth) found = emitPoints(nodes, found, keys);
    else growLevel(nodes, nextLevel);
    const old = level;
    level = nextLevel;
    nextLevel = old;
    nodes = children;
  }
  if (found != count) return WRONG_COUNT;
  return close();
}

// @ts-ignore: decorator
@inline
function facesOf(node: Node): u32 {
  let faces: u32 = 0;
  for (let face: u32 = 0; face < 6; face++) if (beyond(node, face)) faces |= 1 << face;
  return faces;
}

function isSingle(node: Node, d: u32): bool {
  const siblings = <u32>popcnt<u32>(node.parent);
  const faces = <u32>popcnt<u32>(facesOf(node));
  return bitOf(cell(SINGLE + ((d << 9) | (siblings << 5) | (faces << 2) | node.cousins)), SINGLE_LIMIT) != 0;
}

/** The whole key of the one point below a node with `levels` levels under it. */
function singlePoint(start: u64, levels: u32, zeroLevels: bool): u64 {
  let zeros: u32 = 0;
  if (zeroLevels) {
    while (zeros < levels && bitOf(cell(ZEROS + zeros), SINGLE_LIMIT)) zeros++;
  }
  let key = start;
  const coded = zeroLevels && zeros < levels ? levels - zeros - 1 : levels - zeros;
  for (let i: u32 = 0; i < 3 * coded; i++) key = (key << 1) | readBit(32768);
  if (coded < levels - zeros) {
    const upper = (readBit(32768) << 1) | readBit(32768);
    key = (key << 3) | (upper << 1) | (upper ? readBit(32768) : 1);
  }
  return key << (3 * zeros);
}

function readOccupancy(node: Node, d: u32): u32 {
  const faces = facesOf(node);
  const parent = <u32>node.parent;
  const cousins = <u32>node.cousins;
  const siblings = <u32>popcnt<u32>(parent);
  const family = (d << 11) | (siblings << 7) | (cousins << 5);
  const place = (parent << 8) | (<u32>node.place << 5);
  const row = weights + ((d * 5 + min<u32>(siblings, 4)) * 2 + (faces ? 1 : 0)) * CONTEXTS * 4;
  const minusX = occupancyBeyond(node, 0);
  const minusY = occupancyBeyond(node, 1);
  const minusZ = occupancyBeyond(node, 2);
  let occupancy: u32 = 0;
  let prefix: u32 = 1;
  for (let j: u32 = 0; j < 8; j++) {
    if (j == 7 && occupancy == 0) return 128;
    const x = j >> 2;
    const y = (j >> 1) & 1;
    const z = j & 1;
    const local = (j << 2) | min<u32>(<u32>popcnt<u32>(occupancy), 3);
    const near =
      ((faces >> (x ? 3 : 0)) & 1) | (((faces >> (y ? 4 : 1)) & 1) << 1) | (((faces >> (z ? 5 : 2)) & 1) << 2);
    const besideX = x ? occupancy >> (j - 4) : minusX >> (j + 4);
    const besideY = y ? occupancy >> (j - 2) : minusY >> (j + 2);
    const besideZ = z ? occupancy >> (j - 1) : minusZ >> (j + 1);
    const beside = (besideX & 1) | ((besideY & 1) << 1) | ((besideZ & 1) << 2);
    store<u32>(mixed, <u32>cell(BY_DEPTH + ((d << 8) | prefix)), 0);
    store<u32>(mixed, <u32>cell(BY_NEAR + ((near << 8) | (beside << 5) | local)), 4);
    store<u32>(mixed, <u32>cell(BY_PARENT + (place | local)), 8);
    store<u32>(mixed, <u32>cell(BY_FACES + ((faces << 10) | (local << 5) | d)), 12);
    store<u32>(mixed, <u32>cell(BY_FAMILY + (family | local)), 16);
    store<u32>(mixed, <u32>cell(BY_FACES_PREFIX + ((faces << 9) | (prefix << 1) | (siblings > 1 ? 1 : 0))), 20);
    store<u32>(mixed, <u32>cell(BY_BESIDE + ((beside << 11) | (near << 8) | prefix)), 24);
    const bit = mixedBit(row, CONTEXTS, OCCUPANCY_LIMIT);
    occupancy |= bit << j;
    prefix = (prefix << 1) | bit;
  }
  return occupancy;
}

// @ts-ignore: decorator
@inline
function occupancyBeyond(node: Node, face: u32): u32 {
  const other = beyond(node, face);
  return other ? nodeAt(level, other - 1).occupancy : 0;
}

/** The last level's children are points. */
function emitPoints(nodes: u32, found: u32, keys: usize): u32 {
  for (let i: u32 = 0; i < nodes; i++) {
    const node = nodeAt(level, i);
    const occupancy = <u32>node.occupancy;
    for (let j: u32 = 0; j < 8; j++) {
      if (!((occupancy >> j) & 1)) continue;
      store<u64>(keys + (<usize>found << 3), (node.key << 3) | j);
      found += 1;
    }
  }
  return found;
}

/** The children of a level, and where their neighbours stand. */
function growLevel(nodes: u32, into: usize): void {
  let grown: u32 = 0;
  for (let i: u32 = 0; i < nodes; i++) {
    const node = nodeAt(level, i);
    const occupancy = <u32>node.occupancy;
    for (let j: u32 = 0; j < 8; j++) {
      if (!((occupancy >> j) & 1)) continue;
      const child = nodeAt(into, grown++);
      child.key = (node.key << 3) | j;
      child.occupancy = 0;
      child.parent = node.occupancy;
      child.place = <u8>j;
      child.cousins = <u8>min<u32>(2, <u32>popcnt<u32>(node.parent));
      for (let face: u32 = 0; face < 6; face++) {
        const axis: u32 = 4 >> (face % 3);
        const inside = ((j & axis) != 0) == face < 3;
        const owner = inside ? i + 1 : beyond(node, face);
        store<u32>(changetype<usize>(child) + 8 + (face << 2), owner ? childOf(owner - 1, j ^ axis) : 0);
      }
    }
  }
}

/** One more than the place of a child, 0 if there is none. */
function childOf(place: u32, j: u32): u32 {
  const node = nodeAt(level, place);
  const occupancy = <u32>node.occupancy;
  if (!((occupancy >> j) & 1)) return 0;
  return node.first + <u32>popcnt<u32>(occupancy & ((1 << j) - 1)) + 1;
}
