/**
 * Reads rows of COPY … TO STDOUT in text format into the same view as the stream's rows. No I/O.
 *
 * One CopyData message is one line: columns part at tabs, `\N` is null, a backslash escapes (PostgreSQL manual, COPY).
 */
import { type Tuple, TupleKind } from '../tables/pgoutput.ts';

const TAB = 0x09;
const BACKSLASH = 0x5c;
const LETTER_N = 0x4e;
/** `\b` `\f` `\n` `\r` `\t` `\v`; any other escaped byte stands for itself. */
const ESCAPED: Readonly<Record<number, number>> = {
  98: 0x08,
  102: 0x0c,
  110: 0x0a,
  114: 0x0d,
  116: 0x09,
  118: 0x0b,
};

/** Reads the line `buffer[start, end)`, line end excluded. Escapes are resolved in place: the line is ours to change. */
export function readCopyLine(buffer: Buffer, start: number, end: number, columns: number, row: Tuple): void {
  row.buffer = buffer;
  row.count = columns;
  row.unchanged = 0;
  row.bytes = end - start;
  let position = start;
  for (let index = 0; index < columns; index++) {
    const begin = position;
    let write = position;
    let isNull = false;
    while (position < end) {
      const byte = buffer[position]!;
      if (byte === TAB) break;
      if (byte !== BACKSLASH) {
        if (write !== position) buffer[write] = byte;
        write++;
        position++;
        continue;
      }
      const escaped = buffer[position + 1]!;
      if (escaped === LETTER_N) isNull = true;
      else buffer[write++] = ESCAPED[escaped] ?? escaped;
      position += 2;
    }
    row.kinds[index] = isNull ? TupleKind.null : TupleKind.text;
    row.starts[index] = begin;
    row.ends[index] = write;
    position++; // The tab.
  }
}
