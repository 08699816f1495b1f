/**
 * Encodings of text files, by the byte: where lines end in them, and what they are in UTF-8. Positions in a file are
 * counted in its own bytes, whatever it is decoded to.
 */

export const textEncodings = ['utf-8', 'utf-16le', 'utf-16be', 'latin1', 'windows-1252'] as const;
export type TextEncoding = (typeof textEncodings)[number];

/** Bytes at the start of a file that tell its encoding, whatever the configuration says. */
const marks: readonly (readonly [TextEncoding, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];
/** Bytes the longest mark has. */
export const markBytes = 3;

/** The encoding that the file's first bytes declare, or null. */
export function declaredEncoding(head: Uint8Array): TextEncoding | null {
  return marks.find(([, mark]) => mark.every((byte, at) => head[at] === byte))?.[0] ?? null;
}

/** Bytes of the smallest unit a character is made of. */
export function unitBytes(encoding: TextEncoding): 1 | 2 {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? 2 : 1;
}

/** Index behind the last line feed at or after `from` (which stands at a unit), or -1. */
export function behindLastLine(bytes: Buffer, from: number, encoding: TextEncoding): number {
  if (unitBytes(encoding) === 1) {
    const at = bytes.lastIndexOf(10);
    return at < from ? -1 : at + 1;
  }
  const low = encoding === 'utf-16le' ? 0 : 1;
  for (let at = bytes.lastIndexOf(10); at >= from; at = at === 0 ? -1 : bytes.lastIndexOf(10, at - 1)) {
    const unit = at - low;
    const isAligned = unit >= from && (unit - from) % 2 === 0 && unit + 1 < bytes.length;
    if (isAligned && bytes[unit + 1 - low] === 0) return unit + 2;
  }
  return -1;
}

/** Index behind the first line feed at or after `from`, or -1. */
export function behindFirstLine(bytes: Buffer, from: number, encoding: TextEncoding): number {
  if (unitBytes(encoding) === 1) return bytes.indexOf(10, from) + 1 || -1;
  const low = encoding === 'utf-16le' ? 0 : 1;
  for (let at = bytes.indexOf(10, from); at >= 0; at = bytes.indexOf(10, at + 1)) {
    const unit = at - low;
    const isAligned = unit >= from && (unit - from) % 2 === 0 && unit + 1 < bytes.length;
    if (isAligned && bytes[unit + 1 - low] === 0) return unit + 2;
  }
  return -1;
}

const windows1252 = new TextDecoder('windows-1252');

/** The text of whole units. One character per unit: of a byte, or of two. */
export function decoded(bytes: Buffer, encoding: TextEncoding): string {
  switch (encoding) {
    case 'utf-8':
      return bytes.toString('utf8');
    case 'latin1':
      return bytes.toString('latin1');
    case 'windows-1252':
      return windows1252.decode(bytes);
    case 'utf-16le':
      return bytes.toString('utf16le');
    case 'utf-16be':
      // Swapped in a copy: the bytes themselves are still to be hashed.
      return Buffer.from(bytes.subarray(0, bytes.length & ~1))
        .swap16()
        .toString('utf16le');
  }
}
