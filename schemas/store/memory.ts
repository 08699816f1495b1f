/** A registry's log in memory: for tests and for registries that are meant to be forgotten. */
import type { SchemaStore, StoreRecord } from './store.ts';

/** The records outlive `close`, so that a second store over the same array is a restart. With an identity it can have snapshots. */
export function memoryStore(
  records: StoreRecord[] = [],
  clock: () => number = Date.now,
  identity: string | null = null,
): SchemaStore {
  let onRecord: ((record: StoreRecord) => void) | null = null;
  const end = (): number => (records.at(-1)?.offset ?? -1) + 1;
  return {
    async describe() {
      return identity === null ? null : { identity, startOffset: records[0]?.offset ?? 0, endOffset: end() };
    },
    async open(listener, from = 0) {
      for (const record of records) if (record.offset >= from) listener(record);
      onRecord = listener;
    },
    async append(added) {
      for (const { key, value } of added) {
        const record = { key, value, offset: end(), timestamp: clock() };
        records.push(record);
        onRecord?.(record);
      }
    },
    async catchUp() {},
    async close() {
      onRecord = null;
    },
  };
}
