/**
 * Chance as a pure function: the same seed and the same things give the same number, whoever asks and whenever.
 */

/** From 0 up to, not including, 1. FNV-1a over the parts, then a final mix so that near inputs lie far apart. */
export function chanceOf(...parts: readonly (number | string)[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    const text = String(part);
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x7c, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}

/** A whole number from 0 up to, not including, `below`. */
export function pickOf(below: number, ...parts: readonly (number | string)[]): number {
  return Math.floor(chanceOf(...parts) * below);
}
