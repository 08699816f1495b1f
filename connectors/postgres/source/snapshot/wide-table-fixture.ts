/**
 * A table of several page ranges with large values here and there, for tests of snapshots; and what marks their records.
 */
import type { SourceRecord } from '../../../api/index.ts';
import { envelope } from '../source-harness.ts';

/** Wide enough for several ranges of pages, few enough to be quick. */
export const WIDE_ROWS = 24_000;

/** Makes it, as `t`. */
export const wide = `CREATE TABLE t (id int PRIMARY KEY, v int, pad text, big text); ALTER TABLE t ALTER pad SET STORAGE PLAIN, ALTER big SET STORAGE EXTERNAL;
  INSERT INTO t SELECT i, 0, repeat('x', 1900), CASE WHEN i % 100 = 0 THEN repeat(i::text, 3000) END FROM generate_series(1, ${WIDE_ROWS}) i;`;

/** How many records the source marked so. */
export const markers = (records: readonly SourceRecord[], marker: string) =>
  records.filter((record) => record.value !== null && envelope(record).source.snapshot === marker).length;
