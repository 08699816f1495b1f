/**
 * Cuts lines of the W3C extended log file format (IIS, proxies): `#Fields:` names the columns, further lines that begin
 * with # are remarks, a dash is null, texts with blanks stand in quotes. All columns are text; a new `#Fields:` in the
 * middle begins a new schema.
 */
import { createHash } from 'node:crypto';
import { type ConnectValue, type Schema, Schemas, struct } from '../../api/index.ts';
import type { Chunk } from './chunk.ts';
import type { CutSink, Cutter } from './cutter.ts';

interface Columns {
  readonly names: readonly string[];
  readonly schema: Schema;
  readonly hash: string;
}

const fieldsDirective = /^#Fields:\s*(.+)$/i;

export class ElfCutter implements Cutter {
  #columns: Columns | null = null;

  get headerHash(): string | null {
    return this.#columns?.hash ?? null;
  }

  /** The names that the head of the file gives; those further down are met when they are read. */
  begin(head: Chunk): number {
    for (let from = head.cursor; from < head.end; ) {
      const at = head.lineEnd(from);
      if (at < 0) return -1;
      const line = head.slice(from, head.contentEnd(from, at)) ?? '';
      if (!line.startsWith('#')) return 0;
      this.#direct(line);
      from = at + 1;
    }
    return 0;
  }

  cut(chunk: Chunk, max: number, sink: CutSink): void {
    for (let taken = 0; taken < max; taken++) {
      const from = chunk.cursor;
      const at = chunk.lineEnd(from);
      if (at < 0) return;
      this.#line(chunk.slice(from, chunk.contentEnd(from, at)), from, at + 1, sink);
      chunk.cursor = at + 1;
    }
  }

  #line(line: string | null, from: number, end: number, sink: CutSink): void {
    if (line?.trim() === '') return;
    if (line?.startsWith('#')) this.#direct(line);
    else {
      const value = this.#valueOf(line);
      if (typeof value === 'string') sink.bad(from, end, value);
      else sink.record(this.#columns!.schema, value, null, end);
    }
  }

  /** The line's value, or the rest of the sentence "Bytes … ". */
  #valueOf(line: string | null): Record<string, ConnectValue> | string {
    if (line === null) return 'are not in their encoding; set "encoding"';
    if (this.#columns === null) return 'stand before any "#Fields:"';
    const { names } = this.#columns;
    const texts = [...line.matchAll(/"((?:[^"]|"")*)"|(\S+)/g)];
    if (texts.length !== names.length) return `have ${texts.length} fields, "#Fields:" has ${names.length}`;
    const value: Record<string, ConnectValue> = {};
    for (const [index, [, quoted, plain]] of texts.entries()) {
      value[names[index]!] = plain === '-' ? null : (plain ?? quoted!.replaceAll('""', '"'));
    }
    return value;
  }

  #direct(line: string): void {
    const names = fieldsDirective.exec(line)?.[1]?.trim().split(/\s+/);
    if (names === undefined) return;
    const hash = createHash('sha1').update(names.join(' ')).digest('hex').slice(0, 16);
    if (hash === this.#columns?.hash) return;
    const fields = names.map((name) => ({ name, schema: Schemas.optionalString }));
    this.#columns = { names, schema: struct(undefined, fields), hash };
  }
}
