/**
 * The registry's log kept in a Kafka topic, by default `_schemas`: one partition, compacted, for ever.
 *
 * Knows no broker: it uses the few calls of runtime/log/client.ts's LogClient that are declared here. A write is done
 * when this store's own reader has handed it over, so the fold never runs ahead of, or behind, what others can read.
 */
import { StoreError } from '../errors.ts';
import type { SchemaStore } from './store.ts';

/** The part of a log client that the registry uses; runtime's LogClient fits as it is. */
export interface RegistryLog {
  /** The cluster and the id of a topic, by a client that knows; without it there are no snapshots. */
  identityOf?(topic: string): Promise<string | null>;
  offsets?(partition: {
    readonly topic: string;
    readonly partition: number;
  }): Promise<{ readonly logStartOffset: number; readonly logEndOffset: number }>;
  createTopics(
    topics: readonly {
      readonly topic: string;
      readonly partitions: number;
      readonly replicationFactor: number;
      readonly config?: Readonly<Record<string, string>>;
    }[],
  ): Promise<readonly string[]>;
  producer(options: { readonly clientId: string; readonly acks?: 'all' | 1 }): RegistryLogProducer;
  table(
    topic: string,
    onRecord: (record: {
      readonly offset: number;
      readonly timestamp: number;
      readonly key: Buffer | null;
      readonly value: Buffer | null;
    }) => void,
    /** By a client that can: without what has a smaller offset. */
    from?: number,
  ): Promise<{ readToEnd(): Promise<void>; close(): Promise<void> }>;
}

export interface RegistryLogProducer {
  send(
    records: readonly {
      readonly topic: string;
      readonly partition: number | null;
      readonly key: Uint8Array | null;
      readonly value: Uint8Array | null;
      readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
      readonly timestamp: number | null;
    }[],
  ): Promise<readonly { readonly offset: number }[]>;
  close(): Promise<void>;
}

export interface LogStoreOptions {
  readonly topic: string;
  /** -1 is the broker's default. */
  readonly replicationFactor: number;
}

/** Keeps a registry in `log`. The log client stays its owner's: closing the store does not close it. */
export function logStore(log: RegistryLog, options: LogStoreOptions): SchemaStore {
  const { topic } = options;
  let table: Awaited<ReturnType<RegistryLog['table']>> | null = null;
  let producer: RegistryLogProducer | null = null;
  const opened = () => {
    if (table === null || producer === null) throw new StoreError(`The store of ${topic} is not open.`);
    return { table, producer };
  };
  const create = () =>
    log.createTopics([
      {
        topic,
        partitions: 1,
        replicationFactor: options.replicationFactor,
        // For ever: retention by time or size would forget schemas that records still name.
        config: { 'cleanup.policy': 'compact' },
      },
    ]);
  return {
    async describe() {
      await create();
      const identity = (await log.identityOf?.(topic)) ?? null;
      const ends = identity === null ? undefined : await log.offsets?.({ topic, partition: 0 });
      if (identity === null || ends === undefined) return null;
      return { identity, startOffset: ends.logStartOffset, endOffset: ends.logEndOffset };
    },
    async open(onRecord, from) {
      await create();
      producer = log.producer({ clientId: 'millrace-schema-registry', acks: 'all' });
      table = await log.table(topic, onRecord, from);
      await table.readToEnd();
    },
    async append(records) {
      const { table, producer } = opened();
      await producer.send(
        records.map(({ key, value }) => ({ topic, partition: 0, key, value, headers: [], timestamp: null })),
      );
      await table.readToEnd();
    },
    async catchUp() {
      await opened().table.readToEnd();
    },
    async close() {
      const [closingTable, closingProducer] = [table, producer];
      table = null;
      producer = null;
      await closingTable?.close();
      await closingProducer?.close();
    },
  };
}
