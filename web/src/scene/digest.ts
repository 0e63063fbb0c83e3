// What was decoded, told by one SHA-256: FORMAT.md, section 10.4.

import { Sha256 } from "../base/sha256.js";
import type { CodedScene } from "./scene.js";
import type { SemanticLayer } from "./semantics.js";

/** The content digest of a scene in hexadecimal, the same on every device. */
export function contentDigest(scene: CodedScene): string {
  const sha = new Sha256();
  if (scene.representation === "group") {
    for (const part of scene.parts) sha.update(new TextEncoder().encode(contentDigest(part)));
    return sha.hex();
  }
  sha.update(littleEndian(scene.voxels));
  if (scene.representation === "gaussians") sha.update(littleEndian(scene.values));
  else {
    for (const array of [scene.feature, scene.offset, scene.scaling, Float32Array.from(scene.mask)]) {
      sha.update(littleEndian(array));
    }
  }
  if (scene.semantics !== undefined) addSemantics(sha, scene.semantics);
  return sha.hex();
}

function addSemantics(sha: Sha256, layer: SemanticLayer): void {
  const whole = (number: number): Sha256 => sha.update(littleEndian(Int32Array.of(number)));
  const text = (string: string): void => {
    const bytes = new TextEncoder().encode(string);
    whole(bytes.length).update(bytes);
  };
  const real = (numbers: readonly number[]): Sha256 => sha.update(littleEndian(Float32Array.from(numbers)));
  sha.update(littleEndian(layer.feature)).update(littleEndian(layer.label));
  text(layer.textEncoder);
  whole(layer.objects.length);
  for (const object of layer.objects) {
    whole(object.id);
    text(object.name);
    whole(object.anchors);
    real([...object.centre, ...object.lowest, ...object.highest]);
    for (const vector of [object.feature, object.embedding ?? []]) {
      whole(vector.length);
      real(vector);
    }
  }
}

const IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Numbers of four bytes as bytes. */
function littleEndian(numbers: Int32Array | Float32Array): Uint8Array {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  if (IS_LITTLE) return bytes;
  const turned = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) turned[i ^ 3] = bytes[i]!;
  return turned;
}
