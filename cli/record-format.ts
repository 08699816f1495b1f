/**
 * kcat's format strings: `-f '%t[%p]@%o %k: %s\n'`, compiled once, applied per record.
 *
 * kcat's meanings hold (%T is the timestamp); %v, %V and the braces {hex} and {base64} after a key or value are rpk's, and
 * %h{name} is one header.
 */
import { CliError } from './errors.ts';
import type { StoredRecord } from './record-json.ts';

type Piece = (record: StoredRecord) => string | Uint8Array;

const encodings = { hex: 'hex', base64: 'base64' } as const;
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', 0: '\0' };

/** Compiles a format; `null` stands for a missing key or value (kcat's -Z). USAGE when a token is unknown. */
export function compileFormat(format: string, options: { nullText: string }): (record: StoredRecord) => Uint8Array {
  const pieces: Piece[] = [];
  for (let i = 0; i < format.length; ) {
    const char = format[i]!;
    if (char === '%') {
      const { piece, length } = compileToken(format, i, options.nullText);
      pieces.push(piece);
      i += length;
    } else if (char === '\\') {
      const { text, length } = escapeAt(format, i);
      pieces.push(() => text);
      i += length;
    } else {
      const end = /[%\\]|$/.exec(format.slice(i))!.index + i;
      const text = format.slice(i, end);
      pieces.push(() => text);
      i = end;
    }
  }
  return (record) => Buffer.concat(pieces.map((piece) => Buffer.from(piece(record) as string)));
}

/** Text with kcat's escapes (\\n, \\t, \\x1f) read. */
export function unescaped(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; ) {
    const { text: piece, length } = text[i] === '\\' ? escapeAt(text, i) : { text: text[i]!, length: 1 };
    out += piece;
    i += length;
  }
  return out;
}

function escapeAt(format: string, at: number): { text: string; length: number } {
  const hex = /^\\x([0-9a-fA-F]{2})/.exec(format.slice(at));
  if (hex !== null) return { text: String.fromCharCode(Number.parseInt(hex[1]!, 16)), length: 4 };
  const next = format[at + 1] ?? '\\';
  return { text: escapes[next] ?? `\\${next}`, length: 2 };
}

function compileToken(format: string, at: number, nullText: string): { piece: Piece; length: number } {
  const letter = format[at + 1] ?? '';
  const header = letter === 'h' ? /^\{([^}]+)\}/.exec(format.slice(at + 2))?.[1] : undefined;
  if (header !== undefined) return { piece: headerPiece(header, nullText), length: header.length + 4 };
  const encoding = /^\{(hex|base64)\}/.exec(format.slice(at + 2))?.[1] as keyof typeof encodings | undefined;
  const bytes = (value: Uint8Array | null) => {
    if (value === null) return nullText;
    return encoding === undefined ? value : Buffer.from(value).toString(encodings[encoding]);
  };
  const size = (value: Uint8Array | null) => String(value === null ? -1 : value.length);
  const tokens: Readonly<Record<string, Piece>> = {
    s: ({ value }) => bytes(value),
    v: ({ value }) => bytes(value),
    S: ({ value }) => size(value),
    V: ({ value }) => size(value),
    k: ({ key }) => bytes(key),
    K: ({ key }) => size(key),
    t: ({ topic }) => topic,
    p: ({ partition }) => String(partition),
    o: ({ offset }) => String(offset),
    T: ({ timestamp }) => String(timestamp),
    h: ({ headers }) => headersText(headers),
    '%': () => '%',
  };
  const piece = tokens[letter];
  if (piece === undefined) {
    throw new CliError('USAGE', `The format has no token %${letter}.`, {
      next: 'Tokens: %s value, %S its size, %k key, %K its size, %t topic, %p partition, %o offset, %T timestamp, %h headers.',
    });
  }
  return { piece, length: 2 + (encoding === undefined ? 0 : encoding.length + 2) };
}

/** `%h{name}`: the value of the last header of that name. */
function headerPiece(name: string, nullText: string): Piece {
  return ({ headers }) => headers.findLast(({ key }) => key === name)?.value ?? nullText;
}

function headersText(headers: StoredRecord['headers']): string {
  return headers.map(({ key, value }) => `${key}=${value === null ? 'NULL' : Buffer.from(value).toString()}`).join(',');
}
