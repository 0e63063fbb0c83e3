// Which parts of a file are fetched together.

import { endOf, type Entry } from "./container/kinds.js";
import type { FetchedSource } from "./container/ranges.js";

/** Bytes that are fetched first: mostly all that comes before the chunks. */
export const FRONT_BYTES = 2 ** 15;
/** Sections that lie so close are fetched together. */
const NEAR_BYTES = 4096;
/** Bytes before the first colours that are fetched together: positions and masks of all chunks. */
const MOST_BEFORE = 2 ** 20;
/** Chunks are fetched together as long as they are less than this. */
const RUN_BYTES = 2 ** 17;

/** Fetch sections, those that lie side by side at once. */
export async function fetchBodies(source: FetchedSource, entries: readonly Entry[]): Promise<void> {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  const runs: { start: number; end: number }[] = [];
  for (const entry of sorted) {
    const last = runs[runs.length - 1];
    if (last !== undefined && entry.offset - last.end <= NEAR_BYTES) last.end = endOf(entry);
    else runs.push({ start: entry.offset, end: endOf(entry) });
  }
  await Promise.all(runs.map(({ start, end }) => source.fetch(start, end)));
}

/** Fetch the sections of chunks, one after the other; `there` is told the number of each that has come. */
export async function fetchChunks(
  source: FetchedSource,
  chunks: readonly (readonly Entry[])[],
  there: (number: number) => void,
): Promise<void> {
  const before = Math.min(...chunks.map((entries) => entries.at(-1)!.offset));
  const first = Math.min(...chunks.flat().map(({ offset }) => offset));
  if (before <= MOST_BEFORE) await source.fetch(first, before);
  for (let number = 0; number < chunks.length; ) {
    const run: Entry[] = [];
    const start = number;
    do run.push(...chunks[number++]!);
    while (start > 0 && number < chunks.length && run.reduce((sum, { length }) => sum + length, 0) < RUN_BYTES);
    await fetchBodies(source, run);
    for (let i = start; i < number; i++) there(i);
  }
}
