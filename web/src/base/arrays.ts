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
