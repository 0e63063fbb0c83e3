// A chunk in work: what networks say of its values, and those that were decoded. FORMAT.md, section 9.3.

import { accept, compareCrc, type Kernels } from "../base/kernels.js";
import { padded, type IntegerNetwork } from "./network.js";
import type { AttributeType, ChannelLayout } from "./layout.js";

const RECORD_WORDS = 9;

/** Multiplier and shift from decoded values to inputs of a network. */
export interface Requantiser {
  readonly multiplier: number;
  readonly shift: number;
}

/** Some anchors: places (u32) of `count` of them, or, where `at` is 0, all. */
export interface Rows {
  readonly at: number;
  readonly count: number;
}

export class Coding {
  /** Where the decoded values (i64) lie, anchor by anchor. */
  readonly values: number;
  readonly #record: number;

  /**
   * @param coded Where a byte (u8) for each channel of each anchor lies: 1 where it is coded; 0 if none is read.
   */
  constructor(
    readonly kernels: Kernels,
    readonly layout: ChannelLayout,
    readonly anchors: number,
    coded: number,
  ) {
    const { channels, types } = layout;
    const [means, scales] = [1, 2].map(() => kernels.allocate(8 * anchors * channels)) as [number, number];
    this.values = kernels.zeros(8 * anchors * channels);
    const raw = kernels.allocate(4 * anchors * types.length);
    const { steps, logSteps } = kernels.tables;
    this.#record = kernels.allocate(4 * RECORD_WORDS);
    const words = [channels, types.length, means, scales, this.values, raw, coded, steps, logSteps];
    kernels.i32(this.#record, RECORD_WORDS).set(words);
  }

  get every(): Rows {
    return { at: 0, count: this.anchors };
  }

  /** Take the outputs of the hyperprior for some anchors. */
  takePrior(outputs: number, first: number, count: number): void {
    this.kernels.call.takePrior(this.#record, outputs, first, count);
  }

  /** Add means and log scales that a network gives to `width` channels. */
  correct(network: IntegerNetwork, inputs: number, rows: Rows, first: number, width: number): void {
    this.kernels.scope(() => {
      const outputs = network.evaluate(inputs, rows.count);
      this.kernels.call.addPrior(this.#record, outputs, rows.at, rows.count, first, width);
    });
  }

  /** Write values, requantised, into inputs (i16) of a network, rows of `stride`, from number `place` on. */
  requantise(
    by: Requantiser,
    rows: Rows,
    first: number,
    width: number,
    out: number,
    stride: number,
    place: number,
  ): void {
    const { multiplier, shift } = by;
    this.kernels.call.requantise(
      this.#record,
      rows.at,
      rows.count,
      first,
      width,
      multiplier,
      shift,
      out,
      stride,
      place,
    );
  }

  /** Inputs (i16) of a network: the first `width` channels, requantised. */
  inputsOf(by: Requantiser, rows: Rows, width: number): number {
    const inputs = this.kernels.zeros(2 * rows.count * padded(width));
    this.requantise(by, rows, 0, width, inputs, padded(width), 0);
    return inputs;
  }

  /** Read the symbols of some channels of one type from the stream that is open. */
  read(type: AttributeType, rows: Rows, first: number, width: number, where: string): void {
    const step = this.layout.types.indexOf(type);
    accept(this.kernels.call.readGroup(this.#record, rows.at, rows.count, first, width, step, type.family), where);
  }

  /** Refuse other predictions than those expected; `facts` are two more numbers of each anchor, or 0. */
  compareAnswer(expected: number, facts: number, where: string): void {
    const { kernels, layout, anchors } = this;
    kernels.scope(() => {
      const bytes = 8 * anchors * (layout.outputs + (facts ? 2 : 0));
      const answer = kernels.allocate(bytes);
      kernels.call.knownAnswer(this.#record, anchors, facts, answer);
      compareCrc(expected, kernels.crcAt(answer, bytes), `${where}, answer of its networks`);
    });
  }

  /** Bytes of all values. */
  get valueBytes(): number {
    return 8 * this.anchors * this.layout.channels;
  }

  /** Real values of the channels of a type, value times `step`. */
  realValues(type: AttributeType, step: number): Float32Array {
    const { kernels, anchors } = this;
    return kernels.scope(() => {
      const out = kernels.allocate(4 * anchors * type.width);
      kernels.call.realValues(this.#record, anchors, type.first, type.width, step, out);
      return kernels.f32(out, anchors * type.width).slice();
    });
  }
}
