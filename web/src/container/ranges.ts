// A file of which parts are fetched as they are needed: from a server, a Blob, or what else answers for ranges.

import { FormatError, RequestError } from "../base/errors.js";
import type { ByteSource } from "./container.js";

/** A file that is read in parts. */
export interface RangeSource {
  readonly size: number;
  /** `length` bytes from `offset` on; both lie inside `size`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file, or another Blob, that a person chose. */
export function blobSource(blob: Blob): RangeSource {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/**
 * A file on a server, by HTTP range requests. A server that knows none sends the whole file at once, which is kept.
 *
 * @throws RequestError The server does not give it.
 */
export async function httpSource(url: string | URL, fetcher: typeof fetch = fetch): Promise<RangeSource> {
  const ask = async (range: string): Promise<Response> => {
    try {
      const response = await fetcher(url, { headers: { range } });
      if (response.ok) return response;
      throw new RequestError(`${url}: the server answers ${response.status} ${response.statusText}`);
    } catch (error) {
      if (error instanceof RequestError) throw error;
      throw new RequestError(
        `${url}: no answer (${error instanceof Error ? error.message : error}). The server is away, or does not allow ` +
          "pages of other hosts to read it (CORS)",
      );
    }
  };
  const first = await ask("bytes=0-0");
  const bytes = new Uint8Array(await first.arrayBuffer());
  const size = Number(/\/(\d+)$/.exec(first.headers.get("content-range") ?? "")?.[1]);
  if (first.status !== 206 || !Number.isSafeInteger(size)) {
    return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
  }
  const version = first.headers.get("etag");
  return {
    size,
    async read(offset, length) {
      const response = await ask(`bytes=${offset}-${offset + length - 1}`);
      const part = new Uint8Array(await response.arrayBuffer());
      if (response.status !== 206 || part.length !== length || response.headers.get("etag") !== version) {
        throw new FormatError(`${url}: the file changed while it was read; load it again`);
      }
      return part;
    },
  };
}

/** The parts of a file that were fetched so far. */
export class FetchedSource implements ByteSource {
  readonly #parts: { readonly start: number; readonly bytes: Uint8Array }[] = [];

  constructor(readonly ranges: RangeSource) {}

  get size(): number {
    return this.ranges.size;
  }

  /** Fetch bytes `start` to `end - 1`, as far as there are so many and they are not there. */
  async fetch(start: number, end: number): Promise<void> {
    const last = Math.min(end, this.size);
    if (start >= last || this.#partWith(start, last) !== undefined) return;
    const bytes = await this.ranges.read(start, last - start);
    if (bytes.length !== last - start) throw new FormatError("the file changed while it was read; load it again");
    this.#parts.push({ start, bytes });
  }

  read(offset: number, length: number): Uint8Array {
    const part = this.#partWith(offset, offset + length);
    if (part === undefined) throw new RequestError(`bytes ${offset} to ${offset + length - 1} were not fetched`);
    return part.bytes.subarray(offset - part.start, offset - part.start + length);
  }

  #partWith(start: number, end: number): { readonly start: number; readonly bytes: Uint8Array } | undefined {
    return this.#parts.find((part) => part.start <= start && end <= part.start + part.bytes.length);
  }
}
