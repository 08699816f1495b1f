/**
 * Runs of records (`connectors/api/record-run.ts`) between a source task and the log: where one may pass as it is, and what becomes of
 * one that may not. The one place that knows every reason. Besides steps 2 to 4 of the record's journey, which a run skips.
 *
 * A run passes where nobody on its way looks at a record: no transform (and so no predicate), converters that write JSON as it is, no
 * trace to begin, transactions of the worker's own making, and a log in this process whose topic has one partition, takes records
 * unchecked and a batch of that size, by a producer that does not compress. A run that cannot pass is taken apart: its records are
 * those the task would have handed over one by one.
 */
import { writeBatchHeader } from '../../broker/protocol/record-batch.ts';
import { forEachRecord } from '../../broker/protocol/records.ts';
import { isRun, JsonText, type RecordValue, type RunRecord, type SourceRecord } from '../../connectors/api/index.ts';
import { SourceBatch } from './source-flight.ts';

export interface RunWay {
  /** Transforms, converters and headers leave JSON as it is. */
  readonly keepsJson: boolean;
  /** Of the delivery; where absent, nothing of it takes runs. */
  readonly takesRuns: ((topic: string, bytes: number) => boolean) | undefined;
  /** max.request.size; null is no bound. */
  readonly recordBytesMax: number | null;
}

export class RecordRuns {
  readonly #way: RunWay;
  /** A task that never asked has no runs, and nobody looks for one. */
  #mayCome = false;

  constructor(way: RunWay) {
    this.#way = way;
  }

  /** What a task is told: whether runs of so many bytes may come for this topic. */
  takes(topic: string, bytes: number): boolean {
    const { keepsJson, takesRuns } = this.#way;
    this.#mayCome = true;
    return keepsJson && takesRuns?.(topic, bytes) === true;
  }

  /** Records, each of a run by itself. */
  count(records: readonly SourceRecord[]): number {
    if (!this.#mayCome) return records.length;
    return records.reduce((sum, record) => sum + (isRun(record) ? record.run.count : 1), 0);
  }

  /** Where the piece from `from` on ends: a run is one by itself. */
  pieceEnd(records: readonly SourceRecord[], from: number, end: number): number {
    if (!this.#mayCome) return end;
    if (isRun(records[from]!)) return from + 1;
    for (let index = from + 1; index < end; index++) if (isRun(records[index]!)) return index;
    return end;
  }

  /** Whether it may go as it is now that its topic is there. */
  passes({ topic, run }: RunRecord): boolean {
    const { recordBytesMax } = this.#way;
    return this.takes(topic, run.bytes.length) && run.largestBytes <= (recordBytesMax ?? Number.POSITIVE_INFINITY);
  }
}

/** The same records one by one, as they are converted. */
export function batchOf(run: RunRecord): SourceBatch {
  const batch = new SourceBatch(recordsOf(run));
  for (const [index, { topic, key, value }] of batch.records.entries()) {
    const bytesOf = (text: RecordValue) => (text instanceof JsonText ? text.bytes : null);
    const bytes = { key: bytesOf(key), value: bytesOf(value) };
    batch.add({ topic, partition: null, ...bytes, headers: [], timestamp: null }, index);
  }
  return batch;
}

/** The records of a run one by one, views of its memory. */
export function recordsOf({ run, ...place }: RunRecord): SourceRecord[] {
  const { bytes, count } = run;
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // Any time will do: they get theirs from the log.
  writeBatchHeader(batch, { count, lastOffsetDelta: count - 1, baseTimestamp: 0, maxTimestamp: 0 }, {});
  const records: SourceRecord[] = [];
  forEachRecord(batch, 0, ({ key, value }) => {
    const text = (field: Buffer | null) => (field === null ? null : new JsonText(field));
    records.push({ ...place, key: text(key), value: text(value) });
  });
  return records;
}
