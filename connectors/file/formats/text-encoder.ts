/**
 * Lines of text, lines of JSON, and bytes as they are, as a file of them.
 */
import { JsonText, type SinkRecord } from '../../api/index.ts';
import type { FileEncoder, FileFormat } from './encoder.ts';
import { jsonLine } from './json-line.ts';
import { LineBuffer } from './line-buffer.ts';

/** What JSON text of a string begins with. */
const QUOTE = 0x22;

/** A value as one line of JSON. */
export function asJson(record: SinkRecord): string | Uint8Array {
  return jsonLine(record.value);
}

/** As Kafka's FileStreamSink: the value's own text. What has none is JSON; a missing value is the word null. */
export function asText(record: SinkRecord): string | Uint8Array {
  const { value } = record;
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  return (value instanceof JsonText ? stringOf(value) : null) ?? jsonLine(value);
}

/** As {@link asText}, but a missing value is nothing at all. */
export function asRaw(record: SinkRecord): string | Uint8Array {
  return record.value === null ? '' : asText(record);
}

/** The text that a JSON string stands for, null for any other JSON (and for what is none: jsonLine says so). */
function stringOf(json: JsonText): string | null {
  if (json.bytes[0] !== QUOTE) return null;
  try {
    return json.parse() as string;
  } catch {
    return null;
  }
}

/** A line per record. */
export function linesFormat(extension: string, lineOf: (record: SinkRecord) => string | Uint8Array): FileFormat {
  return gathered(extension, lineOf, new LineBuffer());
}

/** Values one behind the other, nothing between them. */
export function rawFormat(): FileFormat {
  return gathered('bin', asRaw, new LineBuffer('none'));
}

function gathered(
  extension: string,
  lineOf: (record: SinkRecord) => string | Uint8Array,
  lines: LineBuffer,
): FileFormat {
  const encode = (records: readonly SinkRecord[]): Uint8Array => {
    try {
      for (const record of records) lines.add(lineOf(record));
    } catch (error) {
      lines.take();
      throw error;
    }
    // The buffer is shared by all files; what is kept is copied.
    return Buffer.from(lines.take());
  };
  return { extension, layoutOf: null, begin: () => new PlainEncoder(encode) };
}

/** For formats whose bytes are what was encoded, behind a head. */
export class PlainEncoder implements FileEncoder {
  readonly encode: (records: readonly SinkRecord[]) => Uint8Array;
  readonly heldBytes = 0;
  #ready: Uint8Array[];

  constructor(encode: (records: readonly SinkRecord[]) => Uint8Array, head: Uint8Array | null = null) {
    this.encode = encode;
    this.#ready = head === null ? [] : [head];
  }

  accept(encoded: Uint8Array): void {
    this.#ready.push(encoded);
  }

  take(): Uint8Array[] {
    const taken = this.#ready;
    this.#ready = [];
    return taken;
  }

  release(): void {}
}
