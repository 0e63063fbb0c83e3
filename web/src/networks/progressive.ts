// Entropy model 2: a feature, then all other types, which know it. FORMAT.md, section 8.6.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";
import type { Coding, Requantiser } from "./coding.js";
import type { ChannelLayout } from "./layout.js";
import { ChannelModel, LARGEST_INPUT, readRequantiser, type EntropyModel } from "./channel_model.js";
import { IntegerNetwork } from "./network.js";

const DETAILS = 1;
const SPACING = 2;
const SPACINGS = 4;

export class ProgressiveModel implements EntropyModel {
  private constructor(
    readonly layout: ChannelLayout,
    /** From values of the first type to inputs. */
    readonly requantiser: Requantiser,
    /** What is known of an anchor from its place. */
    readonly alone: ChannelModel,
    /** From the first type to corrections of all others. */
    readonly details: IntegerNetwork | undefined,
  ) {}

  static read(kernels: Kernels, bytes: Uint8Array, layout: ChannelLayout, where: string): ProgressiveModel {
    const reader = new ByteReader(bytes, where);
    const requantiser = readRequantiser(reader);
    const flags = reader.u8();
    if (flags & ~(layout.types.length > 1 ? DETAILS | SPACING : 0)) {
      throw new FormatError(`${where}: unknown flags ${flags}; the file is damaged`);
    }
    const alone = ChannelModel.read(kernels, reader.sized(), layout, where, flags & SPACING ? SPACINGS : 0);
    const details = flags & DETAILS ? IntegerNetwork.read(kernels, reader.sized(), `${where}, network of details`) : undefined;
    reader.end();
    const first = layout.types[0].width;
    details?.require(first, 2 * (layout.channels - first), LARGEST_INPUT, `${where}, network of details`);
    return new ProgressiveModel(layout, requantiser, alone, details);
  }

  get operations(): number {
    return this.alone.operations + (this.details?.operations ?? 0);
  }

  compareAnswer(coding: Coding, voxels: number, expected: number, where: string): void {
    this.#predict(coding, voxels);
    coding.compareAnswer(expected, 0, where);
  }

  read(coding: Coding, voxels: number, where: string): void {
    const [first, ...others] = this.layout.types;
    const { details } = this;
    this.#predict(coding, voxels);
    this.alone.readFirst(coding, coding.every, where);
    if (details !== undefined) {
      coding.kernels.scope(() => {
        const inputs = coding.inputsOf(this.requantiser, coding.every, first.width);
        coding.correct(details, inputs, coding.every, first.width, this.layout.channels - first.width);
      });
    }
    for (const type of others) coding.read(type, coding.every, type.first, type.width, where);
  }

  /** What the hyperprior says of all anchors. */
  #predict(coding: Coding, voxels: number): void {
    const { kernels, anchors } = coding;
    if (this.alone.hyperprior.beside === 0) {
      this.alone.predict(coding, voxels);
      return;
    }
    kernels.scope(() => {
      const others = kernels.allocate(4 * SPACINGS * anchors);
      kernels.call.spacings(voxels, anchors, others);
      this.alone.predict(coding, voxels, others);
    });
  }
}
