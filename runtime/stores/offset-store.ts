/**
 * Source offsets: how far each connector has read each of its source partitions (`connect-offsets`).
 *
 * Key: JSON array `[connector, partition]`; value: the offset as a JSON object; null forgets. Partitions are compared
 * as maps, not as text: the order of their members does not matter. The key's bytes as first written are kept, so that
 * compaction replaces the old record.
 *
 * A connector with a topic of its own (`offsets.storage.topic`, KIP-618) has a store of its own over the worker's: it
 * reads there what it has not written itself yet, and writes to both, so that the key may come and go.
 */
import type { Logger, SourceOffset, SourcePartition } from '../../connectors/api/index.ts';
import type { LogClient, ProducerRecord, RecordMetadata } from '../log/client.ts';
import { CompactedTable, type CompactedTopic, parseStored, type TableChange } from './compacted-table.ts';

export interface PartitionOffset {
  readonly partition: SourcePartition;
  /** Null: forget. */
  readonly offset: SourceOffset | null;
}

interface Stored {
  readonly key: string;
  readonly partition: SourcePartition;
  readonly offset: SourceOffset;
}

/** Offsets on their way into somebody's transaction. */
export interface OffsetRecords {
  readonly records: readonly ProducerRecord[];
  /** Call when the transaction is committed, with the places of these records in their order. */
  committed(metadata: readonly RecordMetadata[]): void;
}

export class OffsetStore {
  readonly #offsets = new Map<string, Map<string, Stored>>();
  readonly #logger: Logger;
  readonly #below: OffsetStore | null;
  #table!: CompactedTable;

  private constructor(logger: Logger, below: OffsetStore | null) {
    this.#logger = logger;
    this.#below = below;
  }

  /** `below` is the worker's store, for a connector's own. */
  static async open(
    log: LogClient,
    topic: CompactedTopic,
    logger: Logger,
    below: OffsetStore | null = null,
  ): Promise<OffsetStore> {
    const store = new OffsetStore(logger, below);
    store.#table = await CompactedTable.open(log, topic, (key, value) => store.#apply(key, value));
    return store;
  }

  /** The durable offset of each partition, null where none is kept. */
  read(connector: string, partitions: readonly SourcePartition[]): (SourceOffset | null)[] {
    const offsets = this.#offsets.get(connector);
    const below = this.#below?.read(connector, partitions);
    return partitions.map(
      (partition, index) => offsets?.get(partitionText(partition))?.offset ?? below?.[index] ?? null,
    );
  }

  all(connector: string): PartitionOffset[] {
    const found = new Map<string, PartitionOffset>();
    for (const one of this.#below?.all(connector) ?? []) found.set(partitionText(one.partition), one);
    for (const [text, { partition, offset }] of this.#offsets.get(connector) ?? [])
      found.set(text, { partition, offset });
    return [...found.values()];
  }

  /** Resolves when the offsets are durable. */
  async write(connector: string, offsets: readonly PartitionOffset[]): Promise<void> {
    await this.#table.put(this.#changes(connector, offsets));
    await this.#below?.write(connector, offsets);
  }

  /** The same for who writes them itself, together with the records they stand for. */
  records(connector: string, offsets: readonly PartitionOffset[]): OffsetRecords {
    const changes = this.#changes(connector, offsets);
    const own = this.#table.records(changes);
    const below = this.#below?.records(connector, offsets);
    return {
      records: below === undefined ? own : [...own, ...below.records],
      committed: (metadata) => {
        this.#table.applied(changes, metadata.slice(0, own.length));
        below?.committed(metadata.slice(own.length));
      },
    };
  }

  /** Resolves when everything committed before the call, by whomever, can be read here. */
  async readToEnd(): Promise<void> {
    await this.#table.readToEnd();
    await this.#below?.readToEnd();
  }

  /** The store below is somebody else's. */
  async close(): Promise<void> {
    await this.#table.close();
  }

  #changes(connector: string, offsets: readonly PartitionOffset[]): TableChange[] {
    const known = this.#offsets.get(connector);
    return offsets.map(({ partition, offset }) => ({
      key: known?.get(partitionText(partition))?.key ?? JSON.stringify([connector, partition]),
      value: offset === null ? null : JSON.stringify(offset),
    }));
  }

  #apply(key: string, text: string | null): void {
    const [connector, partition] = parseKey(key) ?? [];
    if (connector === undefined || partition === undefined) {
      this.#logger.warn({ key }, 'A stored source offset has a key that is no [connector, partition] and was skipped.');
      return;
    }
    const offsets = this.#offsets.get(connector) ?? new Map<string, Stored>();
    this.#offsets.set(connector, offsets);
    if (text === null) {
      offsets.delete(partitionText(partition));
      return;
    }
    const offset = parseStored(text, () => this.#logger.warn({ key }, 'A stored source offset is no JSON object.'));
    if (offset !== null) offsets.set(partitionText(partition), { key, partition, offset });
  }
}

/** The worker's offsets, and those of connectors that have a topic of their own: opened when first asked for. */
export class OffsetStores {
  readonly main: OffsetStore;
  readonly #open: (topic: string, below: OffsetStore) => Promise<OffsetStore>;
  readonly #own = new Map<string, Promise<OffsetStore>>();

  constructor(main: OffsetStore, open: (topic: string, below: OffsetStore) => Promise<OffsetStore>) {
    this.main = main;
    this.#open = open;
  }

  /** Of a connector whose `offsets.storage.topic` is this; the worker's where there is none. */
  async of(topic: string | null): Promise<OffsetStore> {
    if (topic === null || topic === '') return this.main;
    let store = this.#own.get(topic);
    if (store === undefined) {
      store = this.#open(topic, this.main);
      this.#own.set(topic, store);
      // What failed is tried again by the next who asks.
      store.catch(() => this.#own.delete(topic));
    }
    return store;
  }

  async close(): Promise<void> {
    const own = await Promise.allSettled(this.#own.values());
    for (const result of own) if (result.status === 'fulfilled') await result.value.close();
    await this.main.close();
  }
}

function parseKey(key: string): [string, SourcePartition] | null {
  try {
    const parsed: unknown = JSON.parse(key);
    if (!Array.isArray(parsed) || typeof parsed[0] !== 'string' || typeof parsed[1] !== 'object') return null;
    return [parsed[0], parsed[1] as SourcePartition];
  } catch {
    return null;
  }
}

/** A source partition as a map key: its members in alphabetical order. */
export function partitionText(partition: SourcePartition): string {
  const names = Object.keys(partition);
  if (names.length > 1) names.sort();
  return JSON.stringify(names.map((name) => [name, partition[name]]));
}
