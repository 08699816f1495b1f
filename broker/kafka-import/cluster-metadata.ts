/**
 * What an import needs of a Kafka controller's metadata log (`__cluster_metadata-0`, KIP-631): topics with their ids,
 * sizes and configs, and the next producer id. Everything else is counted, so that it can be said what is left behind.
 *
 *     a record's value: uvarint frame version (1) | uvarint api key | uvarint version | the message, flexible
 */
import type { FileSystem } from '../fs/file-system.ts';
import { readFile } from '../log/files.ts';
import { Reader } from '../protocol/reader.ts';
import { batchStarts, isControl } from '../protocol/record-batch.ts';
import { forEachRecord } from '../protocol/records.ts';

export const clusterMetadataFolder = '__cluster_metadata-0';

/** Api keys of metadata records, from Kafka's metadata/*.json. */
const recordKey = { topic: 2, partition: 3, config: 4, removeTopic: 9, producerIds: 15 } as const;
/** What is not imported, by api key. */
const leftBehind: Readonly<Record<number, string>> = {
  10: 'delegation tokens',
  11: 'SCRAM credentials',
  14: 'client quotas',
  18: 'ACLs',
};
const topicResource = 2;

export interface ClusterMetadata {
  readonly topics: ReadonlyMap<string, { readonly id: string; readonly partitions: number }>;
  /** By topic. */
  readonly configs: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly nextProducerId: number;
  /** Kinds of records that were found and are not imported. */
  readonly leftBehind: readonly string[];
}

/** Null where the directory holds no metadata log: its controller keeps it elsewhere. */
export function readClusterMetadata(fs: FileSystem, dataDir: string): ClusterMetadata | null {
  const folder = `${dataDir}/${clusterMetadataFolder}`;
  const files = fs.list(folder).sort();
  const snapshot = files.filter((name) => /^\d{20}-\d{10}\.checkpoint$/.test(name)).at(-1);
  const logs = files.filter((name) => /^\d{20}\.log$/.test(name));
  if (snapshot === undefined && logs.length === 0) return null;
  const replay = new Replay();
  const from = snapshot === undefined ? 0 : Number(snapshot.slice(0, 20));
  if (snapshot !== undefined) replay.file(readFile(fs, `${folder}/${snapshot}`)!, 0);
  for (const name of logs) replay.file(readFile(fs, `${folder}/${name}`)!, from);
  return replay.result();
}

class Replay {
  readonly #names = new Map<string, string>();
  readonly #partitions = new Map<string, number>();
  readonly #configs = new Map<string, Map<string, string>>();
  readonly #leftBehind = new Set<string>();
  #nextProducerId = 0;

  /** Records from an offset on; those before are in the snapshot. */
  file(bytes: Buffer, from: number): void {
    for (const start of batchStarts(bytes)) {
      if (isControl(bytes, start)) continue;
      forEachRecord(bytes, start, ({ offset, value }) => {
        if (offset >= from && value !== null) this.#apply(new Reader(value));
      });
    }
  }

  result(): ClusterMetadata {
    const topics = [...this.#names].map(
      ([id, name]) => [name, { id, partitions: this.#partitions.get(id) ?? 0 }] as const,
    );
    const configs = [...this.#configs].map(([name, values]) => [name, Object.fromEntries(values)] as const);
    return {
      topics: new Map(topics),
      configs: new Map(configs),
      nextProducerId: this.#nextProducerId,
      leftBehind: [...this.#leftBehind],
    };
  }

  #apply(reader: Reader): void {
    reader.uvarint();
    const key = reader.uvarint();
    reader.uvarint();
    if (key === recordKey.topic) {
      const name = reader.string(true);
      this.#names.set(reader.uuid(), name);
    } else if (key === recordKey.partition) this.#partition(reader);
    else if (key === recordKey.config) this.#config(reader);
    else if (key === recordKey.removeTopic) this.#remove(reader.uuid());
    else if (key === recordKey.producerIds) this.#producerIds(reader);
    else if (leftBehind[key] !== undefined) this.#leftBehind.add(leftBehind[key]);
  }

  #partition(reader: Reader): void {
    const partition = reader.int32();
    const id = reader.uuid();
    this.#partitions.set(id, Math.max(this.#partitions.get(id) ?? 0, partition + 1));
  }

  #config(reader: Reader): void {
    if (reader.int8() !== topicResource) return;
    const topic = reader.string(true);
    const name = reader.string(true);
    const value = reader.nullableString(true);
    const values = this.#configs.get(topic) ?? new Map<string, string>();
    if (value === null) values.delete(name);
    else values.set(name, value);
    this.#configs.set(topic, values);
  }

  #remove(id: string): void {
    this.#configs.delete(this.#names.get(id) ?? '');
    this.#names.delete(id);
    this.#partitions.delete(id);
  }

  #producerIds(reader: Reader): void {
    reader.int32();
    reader.int64();
    this.#nextProducerId = Math.max(this.#nextProducerId, reader.int64());
  }
}
