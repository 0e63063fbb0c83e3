// What a page and its workers say to each other.

import { CsgError, FormatError, LimitExceeded, RequestError, UnsupportedVersion } from "../base/errors.js";
import type { DecodeOptions } from "../decoder.js";
import type { Part } from "../container/parts.js";
import type { CodedScene } from "../scene/scene.js";

/** A worker as the page sees it, a worker's own scope, or another end of a channel. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent) => unknown) | null;
}

/** Options that can be sent. */
export type SentOptions = Omit<DecodeOptions, "progress">;

/** Decode a file, or some of its chunks. */
export interface Request {
  readonly id: number;
  /** Bytes of the whole file, and the parts that are needed. */
  readonly size: number;
  readonly parts: readonly Part[];
  readonly options: SentOptions;
}

export type Answer =
  | { readonly id: number; readonly scene: CodedScene }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };

const ERRORS: ReadonlyMap<string, new (message: string) => Error> = new Map(
  [CsgError, FormatError, LimitExceeded, RequestError, UnsupportedVersion].map((type) => [new type("").name, type]),
);

/** An error as it was thrown in a worker. */
export function revived(error: { readonly name: string; readonly message: string }): Error {
  return new (ERRORS.get(error.name) ?? Error)(error.message);
}

/** Buffers of all arrays inside of a value, which are moved and not copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const visit = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) found.add(part.buffer as ArrayBuffer);
    else if (Array.isArray(part)) part.forEach(visit);
    else if (typeof part === "object" && part !== null) Object.values(part).forEach(visit);
  };
  visit(value);
  return [...found];
}
