// Texts of a file: short UTF-8 without control characters. They are data, to be escaped where they are shown.

import { FormatError } from "./errors.js";

const MOST_BYTES = 255;
const STRANGE = /[\u0000-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Whether a file can hold a text. */
export function isStorable(text: string): boolean {
  return !STRANGE.test(text) && new TextEncoder().encode(text).length <= MOST_BYTES;
}

/** UTF-8 as a string; where it is none, an error says so. */
export function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(`${where}: expected UTF-8; the file is damaged`);
  }
}

/** A text of a section, behind its length where the caller has read that. */
export function decodeText(bytes: Uint8Array, where: string): string {
  const text = decodeUtf8(bytes, where);
  if (!isStorable(text)) throw new FormatError(`${where}: a text with control characters; the file is damaged`);
  return text;
}

/** What a value is, cut, for a message. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
