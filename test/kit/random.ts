/**
 * Random numbers from one seed, so that a failure can be repeated: mulberry32, good enough for choosing test steps.
 */
export function seededRandom(seed: number): { next(): number; below(bound: number): number } {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** In [0, 1). */
    next,
    /** A whole number in [0, bound). */
    below: (bound) => Math.floor(next() * bound),
  };
}
