// Lattices of learned encodings: FORMAT.md, sections 8.3 and 8.4.

import { ByteReader } from "../base/byte_reader.js";
import { LimitExceeded } from "../base/errors.js";
import { accept, type Kernels } from "../base/kernels.js";
import { mostBits } from "../streams/bits.js";
import { checkRange } from "./network.js";

const MOST_NUMBERS = 2 ** 22;
const MOST_CHANNELS = 512;
const GRID_WORDS = 8;
const SPACE = [[0, 1, 2]];
const PLANES = [
  [0, 1, 3],
  [0, 2, 3],
  [1, 2, 3],
];

/** What the numbers of an encoding are. */
export interface NumberKind {
  readonly largest: number;
  readonly gain: number;
}

interface Grid {
  readonly axes: readonly number[];
  readonly resolution: number;
  readonly rows: number;
  readonly hashed: boolean;
}

interface Lattice {
  readonly channels: number;
  readonly grids: readonly Grid[];
}

/** Lattices that lie in the memory of the kernels. */
export interface Lattices {
  /** Records of all grids, as assembly/encodings.ts expects them. */
  readonly records: number;
  readonly grids: number;
  readonly channels: number;
  /** Multiplications of one voxel. */
  readonly operations: number;
}

/** Read tables and decode their numbers. */
export function readLattices(kernels: Kernels, bytes: Uint8Array, kind: NumberKind, where: string): Lattices {
  const reader = new ByteReader(bytes, where);
  const count = checkRange(reader.u8(), 1, 2, `${where}, lattices`);
  const lattices = reader.many(count, function () {
    return readHead(this);
  });
  const channels = lattices.reduce((sum, lattice) => sum + lattice.channels * lattice.grids.length, 0);
  checkRange(channels, 1, MOST_CHANNELS, `${where}, channels`);
  const words: number[] = [];
  let operations = 0;
  for (const lattice of lattices) {
    words.push(...readTable(kernels, lattice, reader.sized(), kind, where));
    for (const grid of lattice.grids) operations += lattice.channels * (grid.axes[2]! < 3 ? 8 : 4);
  }
  reader.end();
  return { records: kernels.put(Int32Array.from(words)), grids: words.length / GRID_WORDS, channels, operations };
}

function readHead(reader: ByteReader): Lattice {
  const { where } = reader;
  const form = checkRange(reader.u8(), 0, 1, `${where}, form`);
  const channels = checkRange(reader.u8(), 1, 128, `${where}, channels`);
  const most = 2 ** checkRange(reader.u8(), 1, 24, `${where}, log2 of rows`);
  const levels = checkRange(reader.u8(), 1, 16, `${where}, levels`);
  const grids: Grid[] = [];
  for (let level = 0; level < levels; level++) {
    const resolution = checkRange(reader.u16(), 2, 4096, `${where}, resolution`);
    const nodes = resolution ** (form === 0 ? 3 : 2);
    const [rows, hashed] = [Math.min(nodes, most), nodes > most];
    for (const axes of form === 0 ? SPACE : PLANES) grids.push({ axes, resolution, rows, hashed });
  }
  const numbers = channels * grids.reduce((sum, grid) => sum + grid.rows, 0);
  checkRange(numbers, 1, MOST_NUMBERS, `${where}, numbers of a lattice`);
  return { channels, grids };
}

/** Decode the numbers of a lattice; the words of the records of its grids. */
function readTable(kernels: Kernels, lattice: Lattice, stream: Uint8Array, kind: NumberKind, where: string): number[] {
  const { channels, grids } = lattice;
  const numbers = channels * grids.reduce((sum, grid) => sum + grid.rows, 0);
  if (numbers > mostBits(stream.length)) {
    throw new LimitExceeded(`${where}: a table of ${numbers} numbers cannot be in ${stream.length} bytes`);
  }
  const table = kernels.zeros(numbers);
  const words: number[] = [];
  kernels.scope(() => {
    const at = kernels.put(stream);
    kernels.call.openLattice(at, stream.length, kernels.allocate(kernels.call.latticeWork()));
    let start = table;
    grids.forEach(({ axes, resolution, rows, hashed }, number) => {
      const width = Math.min(resolution, rows);
      accept(kernels.call.readGrid(number, rows, width, channels, kind.largest, start), where);
      words.push(start, resolution, hashed ? rows : 0, channels, axes[0]!, axes[1]!, axes[2]!, kind.gain);
      start += rows * channels;
    });
    accept(kernels.call.closeLattice(), where);
  });
  return words;
}
