// Which channels the anchors of a chunk have, by type of attribute.

const GAUSSIAN_TABLES = 0;
const LAPLACIAN_TABLES = 88;

/** Channels of one type: they share a step. */
export interface AttributeType {
  readonly first: number;
  readonly width: number;
  /** Number of the first table of their distribution. */
  readonly family: number;
}

export class ChannelLayout {
  readonly channels: number;

  constructor(readonly types: readonly [AttributeType, ...AttributeType[]]) {
    const last = types[types.length - 1]!;
    this.channels = last.first + last.width;
  }

  /** Feature, scaling and offsets: FORMAT.md, section 9.2. */
  static ofColour(features: number, slots: number): ChannelLayout {
    return new ChannelLayout([
      { first: 0, width: features, family: GAUSSIAN_TABLES },
      { first: features, width: 6, family: GAUSSIAN_TABLES },
      { first: features + 6, width: 3 * slots, family: LAPLACIAN_TABLES },
    ]);
  }

  /** The semantic feature alone: section 10.1. */
  static ofSemantics(features: number): ChannelLayout {
    return new ChannelLayout([{ first: 0, width: features, family: GAUSSIAN_TABLES }]);
  }

  /** Outputs of a hyperprior: means, log scales, and a step for each type. */
  get outputs(): number {
    return 2 * this.channels + this.types.length;
  }
}

const SHARES = [0, 5, 15, 30, 50];

/** Edges of the slices of a feature, halves rounded to even. */
export function sliceEdges(features: number): number[] {
  return SHARES.map((share) => {
    const [whole, rest] = [Math.floor((features * share) / 50), (features * share) % 50];
    return whole + (rest > 25 || (rest === 25 && whole % 2 === 1) ? 1 : 0);
  });
}
