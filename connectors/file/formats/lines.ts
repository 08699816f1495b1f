/**
 * Cuts lines: of text, of bytes, or of JSON. A line ends at \n; the \r of a CRLF is not part of it.
 */
import { isUtf8 } from 'node:buffer';
import { JsonText, type Schema, Schemas } from '../../api/index.ts';
import { messageOf } from '../errors.ts';
import type { Chunk } from './chunk.ts';
import type { CutSink, Cutter, SchemaOfValue } from './cutter.ts';

/** What is wrong with bytes that are not of the file's encoding. */
const notText = 'are not UTF-8 (or not of "encoding"); set "encoding", or "value.format" to "bytes"';

/** Text lines, as Kafka's FileStreamSource: one string per line, empty ones too. */
export const textLines: Cutter = {
  cut(chunk: Chunk, max: number, sink: CutSink): void {
    for (let taken = 0; taken < max; taken++) {
      const from = chunk.cursor;
      const at = chunk.lineEnd(from);
      if (at < 0) return;
      const value = chunk.slice(from, chunk.contentEnd(from, at));
      if (value === null) sink.bad(from, at + 1, notText);
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
export function jsonLines(schemaOf: SchemaOfValue | null): Cutter {
  return {
    cut(chunk: Chunk, max: number, sink: CutSink): void {
      for (let taken = 0; taken < max; taken++) {
        const from = chunk.cursor;
        const at = chunk.lineEnd(from);
        if (at < 0) return;
        cutJson(chunk, from, at, schemaOf, sink);
        chunk.cursor = at + 1;
      }
    },
  };
}

function cutJson(chunk: Chunk, from: number, at: number, schemaOf: SchemaOfValue | null, sink: CutSink): void {
  const bytes = chunk.bytes.subarray(from, chunk.contentEnd(from, at));
  const value = new JsonText(bytes);
  let schema: Schema | null = null;
  try {
    if (!chunk.isValid && !isUtf8(bytes)) throw new SyntaxError('it is not UTF-8');
    // Checked here, once: JsonText keeps what it parsed for whoever needs the fields.
    const parsed = value.parse();
    if (schemaOf !== null) schema = schemaOf(parsed);
  } catch (error) {
    if (bytes.every((byte) => byte === 32 || byte === 9)) return;
    sink.bad(from, at + 1, `are not JSON: ${messageOf(error)}`, error);
    return;
  }
  sink.record(schema, value, null, at + 1);
}
