/**
 * Counts the records of a transaction (`provide.transaction.metadata`): the block in each of them, and the records that say
 * where the transaction begins and ends. Knows no rows.
 */
import type { SourceOffset } from '../../../api/index.ts';
import { javaMapOrder } from '../../types/text-forms.ts';
import { transactionKeySchema, transactionValueSchema } from './envelope-schema.ts';
import type { RecordBatch } from './record-batch.ts';

export class TransactionMetadata {
  readonly #topic: string;
  #xid = 0;
  #total = 0;
  readonly #orders = new Map<string, number>();
  /** Debezium counts in one map of Java's, which keeps its size: its order is that of the lists. */
  #buckets = 0;

  constructor(topic: string) {
    this.#topic = topic;
  }

  /** A transaction begins. `counted` holds what was counted of it before a restart; then no record says so again. */
  begin(batch: RecordBatch, xid: number, lsn: number, offset: SourceOffset, counted: Counted | null): void {
    this.#xid = xid;
    this.#orders.clear();
    for (const [name, count] of Object.entries(counted ?? {})) this.#orders.set(name, count);
    this.#total = [...this.#orders.values()].reduce((sum, count) => sum + count, 0);
    if (counted === null) this.#add(batch, 'BEGIN', lsn, 'null,"data_collections":null', offset);
  }

  end(batch: RecordBatch, lsn: number, offset: SourceOffset): void {
    const [pairs, buckets] = javaMapOrder([...this.#orders], this.#buckets);
    this.#buckets = buckets;
    const collections = pairs.map(
      ([name, count]) => `{"data_collection":${JSON.stringify(name)},"event_count":${count}}`,
    );
    this.#add(batch, 'END', lsn, `${this.#total},"data_collections":[${collections.join(',')}]`, offset);
  }

  /** The block of the next record, which is one of `collection`. */
  next(collection: string, lsn: string): string {
    const order = (this.#orders.get(collection) ?? 0) + 1;
    this.#orders.set(collection, order);
    this.#total++;
    return `{"id":"${this.#xid}:${lsn}","total_order":${this.#total},"data_collection_order":${order}}`;
  }

  /** What was counted so far, for the offset. */
  get counted(): Counted {
    return Object.fromEntries(this.#orders);
  }

  #add(batch: RecordBatch, status: string, lsn: number, counts: string, offset: SourceOffset): void {
    const id = `"${this.#xid}:${lsn}"`;
    const key = Buffer.from(`{"id":${id}}`);
    const value = `{"status":"${status}","id":${id},"event_count":${counts},"ts_ms":${Date.now()}}`;
    batch.add(this.#topic, transactionKeySchema, key, transactionValueSchema, Buffer.from(value), offset);
  }
}

/** Records by data collection. */
export type Counted = Readonly<Record<string, number>>;
