// Arrays of what is decoded, as long as the file says: memory that is not there is a typed error.

import { LimitExceeded } from "./errors.js";

/** A new array of `count` numbers. */
export function newArray<T>(type: new (count: number) => T, count: number): T {
  try {
    return new type(count);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new LimitExceeded(
      `an array of ${count} numbers is more than this machine gives; decode some chunks at a time`,
    );
  }
}

interface NumberArray extends ArrayLike<number> {
  set(from: ArrayLike<number>, at: number): void;
}

/**
 * Copy rows into arrays that have `all` of them, from row `first` on.
 *
 * @throws TypeError There are not so many.
 */
export function putRows(
  arrays: Readonly<Record<string, NumberArray>>,
  from: Readonly<Record<string, unknown>>,
  first: number,
  rows: number,
  all: number,
): void {
  for (const [name, array] of Object.entries(arrays)) {
    const width = array.length / all;
    const part = from[name] as NumberArray | undefined;
    if (part?.length !== width * rows) throw new TypeError(`${name}: expected ${width * rows} numbers of a chunk`);
    array.set(part, width * first);
  }
}
