/** A registry's log in memory: for tests and for registries that are meant to be forgotten. */
import type { SchemaStore, StoreRecord } from './store.ts';

/** The records outlive `close`, so that a second store over the same array is a restart. */
export function memoryStore(records: StoreRecord[] = [], clock: () => number = Date.now): SchemaStore {
  let onRecord: ((record: StoreRecord) => void) | null = null;
  return {
    async open(listener) {
      for (const record of records) listener(record);
      onRecord = listener;
    },
    async append(added) {
      for (const { key, value } of added) {
        const record = { key, value, offset: records.length, timestamp: clock() };
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
