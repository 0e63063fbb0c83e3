// Files on servers, by HTTP range requests where the server knows them, else as they come.

import { FormatError, RequestError } from "../base/errors.js";
import type { RangeSource } from "./ranges.js";

/** Bytes of the first request: what comes before the chunks of most files, and little of the whole. */
const FRONT = 1 << 15;

/**
 * A file on a server. One that knows no ranges, or does not let the page see them, sends the whole file, of which parts
 * are there as soon as they have come.
 *
 * @throws RequestError The server does not give it.
 */
export async function httpSource(url: string | URL, fetcher: typeof fetch = fetch): Promise<RangeSource> {
  const whole = async (): Promise<RangeSource> => arriving(url, await answered(url, () => fetcher(url)));
  let first: Response;
  try {
    first = await fetcher(url, { headers: rangeOf(0, FRONT), cache: "no-cache" });
  } catch {
    return whole(); // a server of another host may allow this page to read, but not to ask for ranges
  }
  if (first.status === 416) throw new RequestError(`${url}: the file is empty`);
  checkAnswer(url, first);
  const told = toldRange(first);
  if (first.status !== 206) return arriving(url, first);
  if (told === undefined) { // hidden from pages of other hosts
    await first.body?.cancel();
    return whole();
  }
  const front = await bodyOf(url, first);
  return new ServedFile(url, fetcher, told.size, front, versionOf(first));
}

class ServedFile implements RangeSource {
  constructor(
    readonly url: string | URL,
    readonly fetcher: typeof fetch,
    readonly size: number,
    readonly front: Uint8Array,
    readonly version: string | undefined,
  ) {}

  async read(offset: number, length: number, arrived?: (bytes: number) => void): Promise<Uint8Array> {
    const { url, fetcher } = this;
    const response = await answered(url, () => fetcher(url, { headers: rangeOf(offset, length) }));
    const told = toldRange(response);
    const same = told?.start === offset && told.size === this.size && versionOf(response) === this.version;
    if (response.status !== 206 || !same) throw changed(url);
    const part = await bodyOf(url, response, arrived);
    if (part.length !== length) throw changed(url);
    return part;
  }
}

/** The body of an answer as it comes; the file is as long as the answer says, or as what has come in the end. */
async function arriving(url: string | URL, response: Response): Promise<RangeSource> {
  const told = response.headers.get("content-encoding") === null ? Number(response.headers.get("content-length")) : 0;
  if (!(told > 0) || !response.body) {
    const bytes = await bodyOf(url, response);
    return { size: bytes.length, front: bytes, read: async (offset, length) => bytes.subarray(offset, offset + length) };
  }
  const bytes = roomFor(url, told);
  const waiting = new Set<{ until: number; resolve: () => void; reject: (error: unknown) => void }>();
  let came = 0;
  let failed: unknown;
  const wake = (): void => {
    for (const one of waiting) {
      if (came < one.until && failed === undefined) continue;
      waiting.delete(one);
      if (came >= one.until) one.resolve();
      else one.reject(failed);
    }
  };
  const come = (piece: Uint8Array): void => {
    if (came + piece.length > told) throw changed(url);
    bytes.set(piece, came);
    came += piece.length;
    wake();
  };
  const ended = (error?: unknown): void => {
    failed = error ?? (came < told ? lost(url, came) : undefined);
    wake();
  };
  pour(url, response.body, come).then(() => ended(), ended);
  return {
    size: told,
    async read(offset, length, arrived = () => undefined) {
      const before = Math.min(length, Math.max(0, came - offset));
      arrived(before);
      for (let at = before; at < length; at = Math.min(length, came - offset)) {
        const until = Math.min(offset + length, Math.max(came, offset) + FRONT);
        if (came < until) {
          if (failed !== undefined) throw failed;
          await new Promise<void>((resolve, reject) => waiting.add({ until, resolve, reject }));
        }
        arrived(Math.min(length, came - offset) - at);
      }
      return bytes.subarray(offset, offset + length);
    },
  };
}

function roomFor(url: string | URL, size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch {
    throw new RequestError(`${url}: the file has ${size} bytes, more than fit into memory here`);
  }
}

/** The body, whole. */
async function bodyOf(url: string | URL, response: Response, arrived?: (bytes: number) => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  if (response.body) {
    await pour(url, response.body, (piece) => {
      pieces.push(piece);
      size += piece.length;
      arrived?.(piece.length);
    });
  }
  if (pieces.length === 1) return pieces[0]!;
  const bytes = roomFor(url, size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

async function pour(url: string | URL, body: ReadableStream<Uint8Array>, take: (piece: Uint8Array) => void): Promise<void> {
  const reader = body.getReader();
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw lost(url, size);
    });
    if (done) return;
    size += value.length;
    take(value);
  }
}

/** An answer that gives the file, or a part of it. */
async function answered(url: string | URL, ask: () => Promise<Response>): Promise<Response> {
  let response: Response;
  try {
    response = await ask();
  } catch (error) {
    throw new RequestError(
      `${url}: no answer (${error instanceof Error ? error.message : error}). Either there is no connection, or its server ` +
        "does not let pages of other hosts read it: it must send the header Access-Control-Allow-Origin (CORS)",
    );
  }
  if (response.status === 416) throw changed(url);
  checkAnswer(url, response);
  return response;
}

function checkAnswer(url: string | URL, response: Response): void {
  if (response.ok) return;
  const what = `${response.status} ${response.statusText}`.trim();
  throw new RequestError(`${url}: the server answers ${what}; is the address right?`);
}

function changed(url: string | URL): FormatError {
  return new FormatError(`${url}: the file changed while it was read; load it again`);
}

function lost(url: string | URL, bytes: number): RequestError {
  return new RequestError(`${url}: the connection was lost after ${bytes} bytes; load it again`);
}

function rangeOf(offset: number, length: number): Record<string, string> {
  return { range: `bytes=${offset}-${offset + length - 1}` };
}

function toldRange(response: Response): { start: number; size: number } | undefined {
  const found = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  const [start, size] = [Number(found?.[1]), Number(found?.[2])];
  return Number.isSafeInteger(start) && Number.isSafeInteger(size) ? { start, size } : undefined;
}

/** What changes with the file, where the page may see it. */
function versionOf(response: Response): string | undefined {
  return response.headers.get("etag") ?? response.headers.get("last-modified") ?? undefined;
}
