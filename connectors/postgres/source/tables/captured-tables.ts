/**
 * Which tables are captured, by oid, kept in every offset: one that is captured and was not when the offset was stored has rows that
 * nobody read. Named since in the config, published since, made since, or dropped and made again: an oid tells all of these.
 * Numbers only; a first snapshot names the tables it reads, and streaming.ts reads what comes later beside the stream.
 */
import type { SourceOffset } from '../../../api/index.ts';
import type { TableName } from './catalog.ts';

const MEMBER = 'captured_tables';

export class CapturedTables {
  /** Null: the offset does not tell (Debezium's own, or of an earlier version), and all tables are taken to be known. */
  #oids: ReadonlySet<number> | null;

  constructor(stored: SourceOffset | null) {
    const kept = stored?.[MEMBER];
    this.#oids = typeof kept === 'string' ? new Set(kept.split(',').map(Number)) : null;
  }

  /** Those of these tables that were not captured before; from now on they are. Tables that are gone are forgotten. */
  update<T extends TableName>(captured: readonly T[]): readonly T[] {
    const known = this.#oids;
    this.#oids = new Set(captured.map(({ oid }) => oid));
    return known === null ? [] : captured.filter(({ oid }) => !known.has(oid));
  }

  /** Goes into every offset. */
  get offset(): SourceOffset {
    return this.#oids === null ? {} : offsetOfTables(this.#oids);
  }
}

/** One text that all offsets share. */
export function offsetOfTables(oids: Iterable<number>): SourceOffset {
  return { [MEMBER]: [...oids].join(',') };
}
