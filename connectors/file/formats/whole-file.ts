/**
 * A file as one record: its bytes, or its text. For files that are complete when they are read.
 */
import { Schemas } from '../../api/index.ts';
import type { Chunk } from './chunk.ts';
import type { CutSink, Cutter } from './cutter.ts';

export function wholeFile(asBytes: boolean): Cutter {
  return {
    cut(chunk: Chunk, _: number, sink: CutSink): void {
      // The rest of a file that was too long for one record.
      if (chunk.base > 0) {
        chunk.cursor = chunk.end;
        return;
      }
      if (!chunk.isLast) return;
      const from = chunk.cursor;
      const content = chunk.original(chunk.positionAt(from), chunk.positionAt(chunk.end));
      const value = asBytes ? Buffer.from(content) : chunk.slice(from, chunk.textEnd);
      if (value === null)
        sink.bad(from, chunk.end, 'are not in their encoding; set "encoding" or "value.format" to "bytes"');
      else sink.record(asBytes ? Schemas.bytes : Schemas.string, value, null, chunk.end);
      chunk.cursor = chunk.end;
    },
    giveUp(chunk: Chunk, sink: CutSink): void {
      sink.bad(chunk.cursor, chunk.end, 'are the beginning of a file longer than max.record.bytes, which is left out');
      chunk.cursor = chunk.end;
    },
  };
}
