/**
 * Ranges of message versions, as the definitions write them: `none`, `3`, `3+`, `0-4`.
 */
export class VersionRange {
  readonly low: number;
  readonly high: number;

  constructor(low: number, high: number) {
    this.low = low;
    this.high = high;
  }

  get isEmpty(): boolean {
    return this.low > this.high;
  }

  /** What both have in common. */
  within(other: VersionRange): VersionRange {
    return new VersionRange(Math.max(this.low, other.low), Math.min(this.high, other.high));
  }

  contains(other: VersionRange): boolean {
    return other.isEmpty || (this.low <= other.low && other.high <= this.high);
  }

  /** The shortest test of the variable `apiVersion`, knowing that it lies inside `known`: `true`, `false` or a comparison. */
  test(known: VersionRange): string {
    const common = this.within(known);
    if (common.isEmpty) return 'false';
    const fromBelow = common.low > known.low ? `apiVersion >= ${common.low}` : '';
    const fromAbove = common.high < known.high ? `apiVersion <= ${common.high}` : '';
    if (fromBelow === '' && fromAbove === '') return 'true';
    return fromBelow !== '' && fromAbove !== '' ? `${fromBelow} && ${fromAbove}` : fromBelow + fromAbove;
  }
}

/** Kafka's own bound of a version. */
const lastVersion = 32767;

export function parseRange(text: string): VersionRange {
  if (text === 'none') return new VersionRange(0, -1);
  const [, low, rest] = /^(\d+)(\+|-\d+)?$/.exec(text.trim()) ?? [];
  if (low === undefined) throw new Error(`"${text}" is no range of versions.`);
  if (rest === undefined) return new VersionRange(Number(low), Number(low));
  return new VersionRange(Number(low), rest === '+' ? lastVersion : Number(rest.slice(1)));
}
