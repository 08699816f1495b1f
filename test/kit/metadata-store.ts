/** The metadata log's table in memory, for tests of what keeps something in it; `restarted` is what a restart would read. */
import type { MetadataStore } from '../../broker/metadata/metadata-log.ts';

export function memoryMetadata(entries = new Map<string, unknown>()): MetadataStore & { restarted(): MetadataStore } {
  const written = new Map(entries);
  return {
    entries: new Map(entries),
    async write(changes) {
      for (const [key, value] of changes) {
        if (value === null) written.delete(key);
        else written.set(key, JSON.parse(JSON.stringify(value)));
      }
    },
    restarted: () => memoryMetadata(written),
  };
}
