// Everything that the decoder computes with speed. src/kernels.ts calls it, and gives it memory.

import { fillCrcTables } from "./crc32";
import { fillTables } from "./mixing";

export { crc32 } from "./crc32";
export { squashTable, stretchTable } from "./mixing";
export { octree, octreeWork } from "./octree";
export { pointsOfKeys, sortKeys } from "./points";
export { masks, masksWork } from "./masks";
export { labels, labelsWork } from "./labels";
export { closeSymbols, openSymbols, prepareTables, readSymbols, tablesWork } from "./rans";
export { evaluate, networkWork } from "./network";
export { encodeLattice, encodeSines } from "./encodings";
export { closeLattice, latticeWork, openLattice, readGrid } from "./lattice_numbers";
export { addPrior, knownAnswer, readGroup, realValues, requantise, takePrior } from "./attributes";
export { findNear, nearWork, seen, waves } from "./near";
export { spacings } from "./spacing";
export { addToSums, clearSums } from "./objects";
export { gaussianRows, gaussianRowsWork } from "./gaussian_rows";

/** Fill the tables of the coders, once; the first free byte of memory comes back. */
export function initialise(): usize {
  fillCrcTables();
  fillTables();
  return __heap_base;
}
