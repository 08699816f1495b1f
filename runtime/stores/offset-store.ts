/**
 * Source offsets: how far each connector has read each of its source partitions (`connect-offsets`).
 *
 * Key: JSON array `[connector, partition]`; value: the offset as a JSON object; null forgets. Partitions are compared
 * as maps, not as text: the order of their members does not matter. The key's bytes as first written are kept, so that
 * compaction replaces the old record.
 */
import type { Logger, SourceOffset, SourcePartition } from '../../connectors/api/index.ts';
import type { LogClient } from '../log/client.ts';
import { CompactedTable, type CompactedTopic, parseStored } from './compacted-table.ts';

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

export class OffsetStore {
  readonly #offsets = new Map<string, Map<string, Stored>>();
  readonly #logger: Logger;
  #table!: CompactedTable;

  private constructor(logger: Logger) {
    this.#logger = logger;
  }

  static async open(log: LogClient, topic: CompactedTopic, logger: Logger): Promise<OffsetStore> {
    const store = new OffsetStore(logger);
    store.#table = await CompactedTable.open(log, topic, (key, value) => store.#apply(key, value));
    return store;
  }

  /** The durable offset of each partition, null where none is kept. */
  read(connector: string, partitions: readonly SourcePartition[]): (SourceOffset | null)[] {
    const offsets = this.#offsets.get(connector);
    return partitions.map((partition) => offsets?.get(partitionText(partition))?.offset ?? null);
  }

  all(connector: string): PartitionOffset[] {
    return [...(this.#offsets.get(connector)?.values() ?? [])].map(({ partition, offset }) => ({ partition, offset }));
  }

  /** Resolves when the offsets are durable. */
  async write(connector: string, offsets: readonly PartitionOffset[]): Promise<void> {
    const known = this.#offsets.get(connector);
    await this.#table.put(
      offsets.map(({ partition, offset }) => ({
        key: known?.get(partitionText(partition))?.key ?? JSON.stringify([connector, partition]),
        value: offset === null ? null : JSON.stringify(offset),
      })),
    );
  }

  async close(): Promise<void> {
    await this.#table.close();
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
