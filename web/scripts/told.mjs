// What a file decodes to, in a few words: the same in Node and in browsers.

import { contentDigest, CsgError } from "../dist/index.js";

/** Digest, rows and edits of a file, or the typed error; `crash` is what must never come. */
export function told(decoder, bytes, limits = {}) {
  try {
    const scene = decoder.decode(bytes, { limits });
    const rows = scene.rows ?? scene.parts.reduce((sum, part) => sum + part.rows, 0);
    const edits = scene.edits.map(({ do: operation }) => operation);
    const solidity = scene.parts ? undefined : (scene.semantics?.objects ?? []).map((object) => Math.round(8 * Math.log2(object.solidity)));
    return { representation: scene.representation, rows, edits, cut: scene.cut ?? false, digest: contentDigest(scene), solidity, tree: scene.parts ? undefined : scene.semantics?.tree?.members() };
  } catch (error) {
    if (error instanceof CsgError) return { error: error.name, message: error.message };
    return { crash: error.stack };
  }
}

/** Files that lie in one: u32 length and bytes, one after the other. */
export function* unpacked(packed) {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < packed.length; ) {
    const length = view.getUint32(at, true);
    yield packed.slice(at + 4, at + 4 + length);
    at += 4 + length;
  }
}
