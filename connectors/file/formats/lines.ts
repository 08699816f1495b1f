/**
 * Cuts lines: of text, of bytes, or of JSON. A line ends at \n; the \r of a CRLF is not part of it.
 */
import { isUtf8 } from 'node:buffer';
import { JsonText, Schemas } from '../../api/index.ts';
import { messageOf } from '../errors.ts';
import type { Chunk } from './chunk.ts';
import type { CutSink, Cutter } from './cutter.ts';

/** Text lines, as Kafka's FileStreamSource: one string per line, empty ones too. */
export const textLines: Cutter = {
  cut(chunk: Chunk, max: number, sink: CutSink): void {
    for (let taken = 0; taken < max; taken++) {
      const from = chunk.cursor;
      const at = chunk.lineEnd(from);
      if (at < 0) return;
      const value = chunk.slice(from, chunk.contentEnd(from, at));
      if (value === null) sink.bad(from, at + 1, 'are not UTF-8; set "encoding" or "value.format" to "bytes"');
      else sink.record(Schemas.string, value, null, at + 1);
      chunk.cursor = at + 1;
    }
  },
};

/** Lines as the bytes they are: views of the chunk, no copies. */
export const byteLines: Cutter = {
  cut(chunk: Chunk, max: number, sink: CutSink): void {
    for (let taken = 0; taken < max; taken++) {
      const from = chunk.cursor;
      const at = chunk.lineEnd(from);
      if (at < 0) return;
      sink.record(Schemas.bytes, chunk.bytes.subarray(from, chunk.contentEnd(from, at)), null, at + 1);
      chunk.cursor = at + 1;
    }
  },
};

/** JSON Lines: each line checked, handed over as the text it is. Blank lines are skipped. */
export const jsonLines: Cutter = {
  cut(chunk: Chunk, max: number, sink: CutSink): void {
    for (let taken = 0; taken < max; taken++) {
      const from = chunk.cursor;
      const at = chunk.lineEnd(from);
      if (at < 0) return;
      cutJson(chunk, from, at, sink);
      chunk.cursor = at + 1;
    }
  },
};

function cutJson(chunk: Chunk, from: number, at: number, sink: CutSink): void {
  const bytes = chunk.bytes.subarray(from, chunk.contentEnd(from, at));
  const value = new JsonText(bytes);
  try {
    if (!chunk.isValid && !isUtf8(bytes)) throw new SyntaxError('it is not UTF-8');
    // Checked here, once: JsonText keeps what it parsed for whoever needs the fields.
    value.parse();
  } catch (error) {
    if (bytes.every((byte) => byte === 32 || byte === 9)) return;
    sink.bad(from, at + 1, `are not JSON: ${messageOf(error)}`, error);
    return;
  }
  sink.record(null, value, null, at + 1);
}
