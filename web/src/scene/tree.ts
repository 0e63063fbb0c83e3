// What objects are parts of, TREE: FORMAT.md, section 10.6.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";

const MOST_LEVELS = 16;

/** Objects 1..N, and wholes above them, which are numbered on from N + 1; parts come before wholes. */
export class ObjectTree {
  /**
   * @param objects How many objects there are, N.
   * @param parents Of each object, then of each whole, the whole that it is a part of, from 1 on; 0 for none.
   */
  constructor(
    readonly objects: number,
    readonly parents: readonly number[],
  ) {
    const wholes = parents.length - objects;
    const parts = new Array<number>(wholes + 1).fill(0);
    parents.forEach((parent, i) => {
      if (parent > wholes) throw damaged(`node ${i + 1} is a part of whole ${parent}; expected 0..${wholes}`);
      if (parent > 0 && parent <= i + 1 - objects) {
        throw damaged(`whole ${i + 1 - objects} is a part of whole ${parent}, which is itself or before it`);
      }
      parts[parent]! += 1;
    });
    const level = new Array<number>(wholes + 1).fill(0);
    for (let own = wholes; own > 0; own--) {
      level[own] = level[parents[objects + own - 1]!]! + 1;
      if (level[own]! > MOST_LEVELS) throw damaged(`more than ${MOST_LEVELS} wholes lie in one another`);
      if (parts[own]! < 2) throw damaged(`whole ${own} has ${parts[own]} parts; expected at least 2`);
    }
  }

  /** Read TREE of a scene of so many objects. */
  static read(bytes: Uint8Array, objects: number): ObjectTree {
    const reader = new ByteReader(bytes, "TREE");
    const parents = reader.many(objects + reader.u16(), reader.u16);
    reader.end();
    return new ObjectTree(objects, parents);
  }

  /** The objects that each object, then each whole, is made of, in rising order. */
  members(): number[][] {
    const found = this.parents.map((_, i) => (i < this.objects ? [i + 1] : []));
    this.parents.forEach((parent, i) => {
      if (parent > 0) found[this.objects + parent - 1]!.push(...found[i]!);
    });
    return found.map((own) => own.sort((a, b) => a - b));
  }

  /** An object alone, then all that it is a part of, from small to large. */
  chain(object: number): number[][] {
    const chain = [[object]];
    if (object < 1 || object > this.objects) return chain;
    const members = this.members();
    for (let parent = this.parents[object - 1]!; parent > 0; parent = this.parents[this.objects + parent - 1]!) {
      chain.push(members[this.objects + parent - 1]!);
    }
    return chain;
  }
}

function damaged(why: string): FormatError {
  return new FormatError(`TREE: ${why}; the file is damaged`);
}
