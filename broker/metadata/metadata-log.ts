/**
 * The broker's own memory: a table of JSON values in the log `__cluster_metadata`, replayed at every start. What is
 * written is on disk before `write` resolves; the last value of a key counts, null forgets it.
 *
 *     topic/<name>    {id, partitions, config}
 *     deleted/<id>    {name}            a topic whose folders may not be gone yet
 *     producer-ids    {next}            ids below were or may have been given out
 *     user/<name>     {mechanism: {salt, storedKey, serverKey, iterations}}    see security/users.ts
 *     acl/<fields>    the fields of an ACL, see security/acls.ts
 *     quota/<entity>  {key: limit}      see security/quotas.ts
 *     config/<owner>  {key: value}      see resource-configs.ts
 */
import type { LogConfig } from '../log/config.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { BatchBuilder } from '../protocol/records.ts';
import { readLog } from './read-log.ts';

export const metadataTopic = '__cluster_metadata';
/** Kafka's id of this topic, 0…01. */
const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ';

export type MetadataChange = readonly [key: string, value: unknown];

/** What those who keep something in the table need of it. */
export type MetadataStore = Pick<MetadataLog, 'entries' | 'write'>;

export class MetadataLog {
  /** The table as it was when the log was opened. */
  readonly entries: ReadonlyMap<string, unknown>;
  readonly #log: PartitionLog;
  readonly #now: () => number;

  constructor(logs: LogDirectory, config: LogConfig, now: () => number) {
    // It is a table: nothing in it may be deleted for its age.
    const own: LogConfig = { ...config, cleanupPolicy: ['compact'], retentionMs: -1, retentionBytes: -1 };
    this.#log = logs.create(metadataTopic, 0, metadataTopicId, own);
    this.#log.setConfig(own);
    this.#now = now;
    this.entries = this.#replay();
  }

  /** All changes or none. Resolves when they are on disk, whatever the broker's flush policy is. */
  async write(changes: readonly MetadataChange[]): Promise<void> {
    const builder = new BatchBuilder();
    const now = this.#now();
    for (const [key, value] of changes) {
      builder.append(now, Buffer.from(key), value === null ? null : Buffer.from(JSON.stringify(value)), []);
    }
    const batch = builder.build();
    await new Promise<void>((resolve, reject) => {
      this.#log.append(batch, { acks: -1, origin: 'coordinator' }, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    await this.#log.flush();
  }

  #replay(): Map<string, unknown> {
    const entries = new Map<string, unknown>();
    readLog(this.#log, ({ key, value }) => {
      if (key === null) return;
      const name = key.toString();
      if (value === null) entries.delete(name);
      else entries.set(name, JSON.parse(value.toString()));
    });
    return entries;
  }
}
