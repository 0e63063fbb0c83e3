// Spatial encodings of FORMAT.md, sections 8.2, 8.3 and 9.1: from voxels to the inputs (i16) of a network.

const OCTAVES: u32 = 10;
const SINES_MASK: u32 = 1023;

/** A grid of a lattice as src/networks/lattice.ts lays it out. */
@unmanaged
class Grid {
  /** Numbers (i8), rows of `channels`. */
  table: usize;
  resolution: u32;
  /** Rows that are not addressed by their place but by a hash of it are so many, a power of 2; else 0. */
  hashed: u32;
  channels: u32;
  /** Axes (0 x, 1 y, 2 z); `third` is 3 where there are two. */
  first: u32;
  second: u32;
  third: u32;
  gain: i32;
}

/** Box that voxels are seen in. */
@unmanaged
class Box {
  corner0: i32;
  corner1: i32;
  corner2: i32;
  extent: u32;
}

const unit: usize = memory.data(4 * 4, 16);

/** u of section 9.1 of the three axes of a voxel, into `unit`. */
// @ts-ignore: decorator
@inline
function place(box: Box, voxel: usize): void {
  const factor: u64 = 0xffffffffffff / (<u64>box.extent + 1);
  for (let axis: usize = 0; axis < 3; axis++) {
    const distance = <i64>load<i32>(voxel + (axis << 2)) - <i64>load<i32>(changetype<usize>(box) + (axis << 2));
    const inside = <u64>max<i64>(0, min<i64>(<i64>box.extent, distance));
    store<u32>(unit + (axis << 2), <u32>((inside * factor) >> 32));
  }
}

/** The 63 inputs of kind 0, in rows of 64; `sines` are the 1024 numbers (i32) of section 14. */
export function encodeSines(box: usize, voxels: usize, count: u32, sines: usize, out: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    place(changetype<Box>(box), voxels + <usize>i * 12);
    const row = out + (<usize>i << 7);
    let at = row;
    for (let axis: usize = 0; axis < 3; axis++) {
      const u = load<u32>(unit + (axis << 2));
      for (let l: u32 = 0; l < OCTAVES; l++) {
        const phase = ((u << l) & 65535) >> 6;
        store<i16>(at + (l << 1), <i16>load<i32>(sines + (phase << 2)));
        store<i16>(at + ((OCTAVES + l) << 1), <i16>load<i32>(sines + (((phase + 256) & SINES_MASK) << 2)));
      }
      at += OCTAVES << 2;
      store<i16>(row + ((60 + axis) << 1), <i16>((<i32>(u - 32768) * 511) >> 15));
    }
    store<i16>(row + (63 << 1), 0);
  }
}

/** Channels of `grids` grids, one behind the other, in rows of `stride` numbers. */
export function encodeLattice(
  box: usize, voxels: usize, count: u32, grids: usize, many: u32, out: usize, stride: u32, sums: usize,
): void {
  memory.fill(out, 0, <usize>count * stride * 2);
  for (let i: u32 = 0; i < count; i++) {
    place(changetype<Box>(box), voxels + <usize>i * 12);
    let at = out + <usize>i * stride * 2;
    for (let g: u32 = 0; g < many; g++) {
      const grid = changetype<Grid>(grids + <usize>g * offsetof<Grid>());
      const space = grid.third < 3;
      memory.fill(sums, 0, grid.channels << 2);
      if (space) sumSpace(grid, sums);
      else sumPlane(grid, sums);
      const bits = space ? 18 : 16;
      const half = 1 << (bits - 1);
      for (let c: u32 = 0; c < grid.channels; c++) {
        store<i16>(at + (c << 1), <i16>((load<i32>(sums + (c << 2)) * grid.gain + half) >> bits));
      }
      at += grid.channels << 1;
    }
  }
}

function sumSpace(grid: Grid, sums: usize): void {
  const most = grid.resolution - 1;
  const x = load<u32>(unit + (grid.first << 2)) * most;
  const y = load<u32>(unit + (grid.second << 2)) * most;
  const z = load<u32>(unit + (grid.third << 2)) * most;
  for (let corner: u32 = 0; corner < 8; corner++) {
    const dx = corner >> 2;
    const dy = (corner >> 1) & 1;
    const dz = corner & 1;
    const weight = share(x, dx, 6) * share(y, dy, 6) * share(z, dz, 6);
    if (weight) add(grid, rowOf(grid, (x >> 16) + dx, (y >> 16) + dy, (z >> 16) + dz), weight, sums);
  }
}

function sumPlane(grid: Grid, sums: usize): void {
  const most = grid.resolution - 1;
  const x = load<u32>(unit + (grid.first << 2)) * most;
  const y = load<u32>(unit + (grid.second << 2)) * most;
  for (let corner: u32 = 0; corner < 4; corner++) {
    const dx = corner >> 1;
    const dy = corner & 1;
    const weight = share(x, dx, 8) * share(y, dy, 8);
    if (!weight) continue;
    const i = (x >> 16) + dx;
    const j = (y >> 16) + dy;
    const row = grid.hashed ? (i ^ (j * 2654435761)) & (grid.hashed - 1) : i * grid.resolution + j;
    add(grid, row, weight, sums);
  }
}

/** How much the node below (0) or above (1) weighs on an axis, of 2^bits. */
// @ts-ignore: decorator
@inline
function share(t: u32, above: u32, bits: u32): u32 {
  const f = (t >> (16 - bits)) & ((1 << bits) - 1);
  return above ? f : (1 << bits) - f;
}

// @ts-ignore: decorator
@inline
function rowOf(grid: Grid, i: u32, j: u32, k: u32): u32 {
  if (grid.hashed) return (i ^ (j * 2654435761) ^ (k * 805459861)) & (grid.hashed - 1);
  return (i * grid.resolution + j) * grid.resolution + k;
}

// @ts-ignore: decorator
@inline
function add(grid: Grid, row: u32, weight: u32, sums: usize): void {
  const numbers = grid.table + <usize>row * grid.channels;
  for (let c: u32 = 0; c < grid.channels; c++) {
    const at = sums + (c << 2);
    store<i32>(at, load<i32>(at) + <i32>weight * <i32>load<i8>(numbers + c));
  }
}
