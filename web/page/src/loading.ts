// Files from addresses and from folders, with what people need to know where that fails.

const MOST_BYTES = 2 ** 30;

/** Fetch a file; `progress` is told bytes, and how many there are if the server says so. */
export async function fetched(address: string, progress: (bytes: number, all: number | undefined) => void): Promise<ArrayBuffer> {
  let answer: Response;
  try {
    answer = await fetch(address);
  } catch {
    throw new Error(
      `${address} cannot be fetched. Either there is no connection, or its server does not let this page read it ` +
        "(it must send the header Access-Control-Allow-Origin; csg serve does)",
    );
  }
  if (!answer.ok) throw new Error(`${address}: the server answers ${answer.status} ${answer.statusText}; is the address right?`);
  const told = Number(answer.headers.get("Content-Length") ?? NaN);
  const all = Number.isFinite(told) && answer.headers.get("Content-Encoding") === null ? told : undefined;
  if ((all ?? 0) > MOST_BYTES) throw new Error(`${address} has ${megabytes(all ?? 0)}, more than a page can hold; csg render shows it`);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = answer.body?.getReader();
  if (reader === undefined) return answer.arrayBuffer();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error(`${address}: the connection was lost after ${megabytes(bytes)}; load the page again`);
    });
    if (done) break;
    parts.push(value);
    bytes += value.length;
    if (bytes > MOST_BYTES) throw new Error(`${address} is larger than a page can hold; csg render shows it`);
    progress(bytes, all);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}

export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB`;
}

/** Hand a file to the person. */
export function handOver(bytes: BlobPart, name: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
