/**
 * Postgres's text forms that hold other values: arrays, hstore, bit strings, money and numbers.
 */

/** The elements of `{a,"b c",NULL,{d}}` as strings, null and arrays; dimensions such as `[2:3]=` are dropped. */
export type ArrayElements = (string | null | ArrayElements)[];

export function parseArray(text: string, delimiter = ','): ArrayElements {
  let position = text.indexOf('{');
  if (position < 0) throw new Error(`"${text}" is no array.`);
  const level = (): ArrayElements => {
    const elements: ArrayElements = [];
    position++;
    while (text[position] !== '}') {
      if (position >= text.length) throw new Error(`The array "${text}" does not end.`);
      if (text[position] === delimiter) position++;
      elements.push(element());
    }
    position++;
    return elements;
  };
  const element = (): string | null | ArrayElements => {
    if (text[position] === '{') return level();
    if (text[position] === '"') return quoted();
    const begin = position;
    while (position < text.length && text[position] !== delimiter && text[position] !== '}') position++;
    const word = text.slice(begin, position);
    return word === 'NULL' ? null : word;
  };
  const quoted = (): string => {
    let value = '';
    for (position++; position < text.length && text[position] !== '"'; position++) {
      if (text[position] === '\\') position++;
      value += text[position];
    }
    position++;
    return value;
  };
  return level();
}

/** `"a"=>"1", "b"=>NULL` as pairs, in Postgres's order. */
export function parseHstore(text: string): (readonly [key: string, value: string | null])[] {
  const plain = (part: string) => part.replace(/\\(.)/gs, '$1');
  const pairs = text.matchAll(/"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)/gs);
  return [...pairs].map(([, key, value]) => [plain(key!), value === undefined ? null : plain(value)] as const);
}

/**
 * The pairs in the order in which Java's HashMap goes through them, and its size: by the lowest bits of the hash, as many as
 * tell its buckets apart. A map that was emptied keeps the buckets it had.
 */
export function javaMapOrder<Pair extends readonly [string, unknown]>(
  pairs: readonly Pair[],
  bucketsMin = 0,
): [pairs: Pair[], buckets: number] {
  let buckets = Math.max(bucketsMin, JAVA_BUCKETS);
  while (pairs.length > buckets * JAVA_LOAD) buckets *= 2;
  const bucket = ([key]: Pair) => {
    let hash = 0;
    for (let index = 0; index < key.length; index++) hash = (Math.imul(hash, 31) + key.charCodeAt(index)) | 0;
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  // Within a bucket they stand as they came.
  return [[...pairs].sort((one, other) => bucket(one) - bucket(other)), buckets];
}

const JAVA_BUCKETS = 16;
const JAVA_LOAD = 0.75;

/** `10110` as bytes, the last bit being the lowest of the first byte; zeros beyond the highest bit set are left out. */
export function bitsToBytes(text: string): Buffer {
  const highest = text.indexOf('1');
  const bytes = Buffer.alloc(highest < 0 ? 0 : Math.ceil((text.length - highest) / 8));
  for (let index = 0; index < text.length; index++) {
    if (text[text.length - 1 - index] === '1') bytes[index >> 3]! |= 1 << (index & 7);
  }
  return bytes;
}

/** `-$1,234.50` (lc_monetary C) as `-1234.50`. */
export function moneyToDecimal(text: string): string {
  return text.replace(/[^\d.-]/g, '');
}

/** An exact decimal at a scale, as Connect's Decimal writes it: big-endian two's complement of the unscaled value. */
export function decimalToBytes(text: string, scale: number): Buffer {
  const [whole = '0', fraction = ''] = text.split('.');
  const kept = BigInt(whole + fraction.padEnd(scale, '0').slice(0, scale));
  // Only money has more digits than are wanted: half a unit goes away from zero.
  const isUp = fraction.length > scale && fraction[scale]! >= '5';
  return bigintToBytes(isUp ? kept + (whole.startsWith('-') ? -1n : 1n) : kept);
}

/** The digits behind the point. */
export function scaleOf(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function bigintToBytes(value: bigint): Buffer {
  let size = 1;
  while (BigInt.asIntN(size * 8, value) !== value) size++;
  return Buffer.from(
    BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, '0'),
    'hex',
  );
}
