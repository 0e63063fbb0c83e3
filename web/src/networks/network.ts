// Integer networks: FORMAT.md, section 8. Weights live in the memory of the kernels until the scope ends.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";

const MOST_LAYERS = 16;
const MOST_WIDTH = 4096;
const MOST_INPUT = 32767;
export const MOST_MULTIPLIER = 32767;
export const MOST_SHIFT = 40;
const LARGEST_SUM = 2 ** 53;
const LARGEST_PRODUCT = 2n ** 62n;
const LAYER_BYTES = 36;

/** Refuse a number outside its range. */
export function checkRange(value: number, lowest: number, highest: number, where: string): number {
  if (value < lowest || value > highest) {
    throw new FormatError(`${where}: ${value} is not in ${lowest}..${highest}; the file is damaged`);
  }
  return value;
}

/** The next multiple of 8: rows of inputs are so long. */
export function padded(width: number): number {
  return Math.ceil(width / 8) * 8;
}

interface LayerHead {
  readonly outputs: number;
  readonly shift: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Numbers of a layer, not copied. */
interface LayerNumbers {
  readonly multipliers: Uint16Array;
  readonly biases: Int32Array;
  readonly weights: Int8Array;
}

export class IntegerNetwork {
  private constructor(
    readonly inputs: number,
    /** Largest magnitude that an input may have. */
    readonly largestInput: number,
    readonly outputs: number,
    /** Multiplications of one row. */
    readonly operations: number,
    readonly kernels: Kernels,
    readonly layers: number,
    readonly count: number,
    readonly widest: number,
  ) {}

  /**
   * Read a network and lay it out in memory.
   *
   * @throws FormatError A number is out of range, or bytes are missing or left.
   */
  static read(kernels: Kernels, bytes: Uint8Array, where: string): IntegerNetwork {
    const reader = new ByteReader(bytes, where);
    const count = checkRange(reader.u8(), 1, MOST_LAYERS, `${where}, layers`);
    const inputs = checkRange(reader.u16(), 1, MOST_WIDTH, `${where}, inputs`);
    const largestInput = checkRange(reader.u16(), 1, MOST_INPUT, `${where}, largest input`);
    const heads = reader.many(count, function () {
      return readHead(this, where);
    });
    const multipliers = heads.map((head) => Uint16Array.from(reader.many(head.outputs, reader.u16)));
    const biases = heads.map((head) => Int32Array.from(reader.many(head.outputs, reader.i32)));
    const layers = kernels.allocate(LAYER_BYTES * count);
    const words: number[] = [];
    let width = inputs;
    let largest = largestInput;
    let operations = 0;
    heads.forEach((head, i) => {
      const followed = i + 1 < count;
      checkBounds(head, followed, where);
      const rows = reader.take(width * head.outputs);
      const weights = new Int8Array(rows.buffer, rows.byteOffset, rows.length);
      const numbers = { multipliers: multipliers[i]!, biases: biases[i]!, weights };
      checkNumbers(numbers, width, largest, where);
      words.push(...putLayer(kernels, head, numbers, width, followed));
      operations += width * head.outputs;
      width = head.outputs;
      largest = Math.max(Math.abs(head.lowest), Math.abs(head.highest));
    });
    reader.end();
    kernels.i32(layers, words.length).set(words);
    const widest = padded(Math.max(...heads.map((head) => head.outputs)));
    return new IntegerNetwork(inputs, largestInput, width, operations, kernels, layers, count, widest);
  }

  /** Refuse another shape, or inputs that may be larger than it takes. */
  require(inputs: number, outputs: number, largest: number, where: string): void {
    if (this.inputs !== inputs || this.outputs !== outputs || this.largestInput < largest) {
      throw new FormatError(
        `${where}: ${this.inputs} inputs up to ${this.largestInput} and ${this.outputs} outputs, expected ${inputs} ` +
          `up to ${largest} and ${outputs}; the file is damaged`,
      );
    }
  }

  /** Outputs (i32) of `rows` rows of inputs (i16, `padded` numbers each); where they lie. */
  evaluate(x: number, rows: number): number {
    const { kernels } = this;
    const out = kernels.allocate(4 * rows * this.outputs);
    kernels.scope(() => {
      const work = kernels.allocate(kernels.call.networkWork(this.widest));
      kernels.call.evaluate(this.layers, this.count, rows, x, out, work, this.widest);
    });
    return out;
  }
}

function readHead(reader: ByteReader, where: string): LayerHead {
  return {
    outputs: checkRange(reader.u16(), 1, MOST_WIDTH, `${where}, outputs`),
    shift: checkRange(reader.u8(), 1, MOST_SHIFT, `${where}, shift`),
    lowest: reader.i32(),
    highest: reader.i32(),
  };
}

function checkBounds(head: LayerHead, followed: boolean, where: string): void {
  const { lowest, highest } = head;
  const largest = Math.max(Math.abs(lowest), Math.abs(highest));
  if (lowest <= -(2 ** 31) || lowest >= highest || (followed && largest > MOST_INPUT)) {
    throw new FormatError(`${where}: a layer gives ${lowest}..${highest}, which is no range; the file is damaged`);
  }
}

/** Refuse numbers with which a sum or a product could leave what is exact. */
function checkNumbers(numbers: LayerNumbers, inputs: number, largest: number, where: string): void {
  const { multipliers, biases, weights } = numbers;
  let most = 0;
  for (let row = 0; row < biases.length; row++) {
    let sum = 0;
    for (let i = row * inputs; i < (row + 1) * inputs; i++) sum += Math.abs(weights[i]!);
    most = Math.max(most, sum);
  }
  let multiplier = 0;
  for (const factor of multipliers) {
    multiplier = Math.max(multiplier, checkRange(factor, 1, MOST_MULTIPLIER, `${where}, multiplier`));
  }
  const bias = biases.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
  const product = BigInt(most * largest + bias) * BigInt(multiplier) + 2n ** 40n;
  if (most * largest >= LARGEST_SUM || product >= LARGEST_PRODUCT) {
    throw new FormatError(`${where}: its sums would not be exact; the file is damaged`);
  }
}

/** Lay out a layer as assembly/network.ts expects it; the words of its record. */
function putLayer(
  kernels: Kernels,
  head: LayerHead,
  numbers: LayerNumbers,
  inputs: number,
  followed: boolean,
): number[] {
  const { outputs, shift, lowest, highest } = head;
  const stride = padded(inputs);
  const wide = new Int16Array(Math.ceil(outputs / 4) * 4 * stride);
  for (let row = 0; row < outputs; row++) {
    for (let i = 0; i < inputs; i++) wide[row * stride + i] = numbers.weights[row * inputs + i]!;
  }
  const [weights, biases] = [kernels.put(wide), kernels.put(numbers.biases)];
  const multipliers = kernels.put(numbers.multipliers);
  const given = followed ? padded(outputs) : outputs;
  return [stride, outputs, shift, lowest, highest, weights, biases, multipliers, given];
}
