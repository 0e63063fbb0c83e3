// A file with some sections left out and others added. What is kept keeps its bytes and its entry: FORMAT.md, section 1.

import type { Container } from "./container.js";
import { CRC_OFFSET, CRITICAL, ENTRY_BYTES, HEADER_BYTES } from "./front.js";
import type { Entry } from "./kinds.js";

/** A section that occurs once and is stored as it is. */
export interface NewSection {
  readonly kind: string;
  readonly critical: boolean;
  readonly layer: number;
  readonly codec: number;
  readonly content: Uint8Array;
}

/**
 * The bytes of the new file. Sections that are added come last.
 *
 * @throws FormatError A body that is kept is damaged.
 */
export function rewritten(container: Container, kept: readonly Entry[], added: readonly NewSection[]): Uint8Array {
  const { header, kernels, source } = container;
  const front = source.read(0, header.tocEnd);
  const sections = [
    ...kept.map((entry) => ({ record: recordOf(front, container.entries.indexOf(entry)), body: container.body(entry) })),
    ...added.map((section) => ({ record: newRecord(section, kernels.crc(section.content)), body: section.content })),
  ];
  const tocEnd = HEADER_BYTES + ENTRY_BYTES * sections.length;
  const padded = (size: number): number => Math.ceil(size / 8) * 8;
  const file = new Uint8Array(sections.reduce((end, { body }) => end + padded(body.length), tocEnd));
  const view = new DataView(file.buffer);
  file.set(front.subarray(0, HEADER_BYTES));
  view.setUint32(20, sections.length, true);
  view.setBigUint64(24, BigInt(file.length), true);
  let offset = tocEnd;
  sections.forEach(({ record, body }, i) => {
    const at = HEADER_BYTES + ENTRY_BYTES * i;
    file.set(record, at);
    view.setBigUint64(at + 16, BigInt(offset), true);
    file.set(body, offset);
    offset += padded(body.length);
  });
  view.setUint32(CRC_OFFSET, 0, true);
  view.setUint32(CRC_OFFSET, kernels.crc(file.subarray(0, tocEnd)), true);
  return file;
}

function recordOf(front: Uint8Array, number: number): Uint8Array {
  const start = HEADER_BYTES + ENTRY_BYTES * number;
  return front.subarray(start, start + ENTRY_BYTES);
}

function newRecord(section: NewSection, crc: number): Uint8Array {
  const record = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(record.buffer);
  record.set(new TextEncoder().encode(section.kind));
  view.setUint16(4, section.critical ? CRITICAL : 0, true);
  view.setUint8(6, section.layer);
  view.setUint8(7, section.codec);
  view.setBigUint64(24, BigInt(section.content.length), true);
  view.setUint32(40, crc, true);
  view.setUint32(44, crc, true);
  return record;
}
