/**
 * A few records from a task that only reads, for `SourceConnector.sample`. Not for a task that tells the other side
 * anything: nothing is ever committed here, but whatever `start` and `poll` do is done.
 */
import type { Config } from './config.ts';
import type { PreviewRequest } from './connector.ts';
import type { SourceRecord } from './record.ts';
import type { SourceTask } from './task.ts';

/**
 * Polls from the very beginning (no offset is known) until there are `max` records, nothing comes, or time is up. Where
 * input comes by itself (`waits`), an empty poll is no end before the first record.
 */
export async function sampleTask(
  task: SourceTask,
  config: Config,
  max: number,
  { signal, logger }: PreviewRequest,
  { waits = false }: { readonly waits?: boolean } = {},
): Promise<readonly SourceRecord[]> {
  const records: SourceRecord[] = [];
  try {
    await task.start(
      {
        connector: 'preview',
        task: 0,
        logger,
        signal,
        offsets: async (partitions) => partitions.map(() => null),
        reportBadInput: async ({ error }) => logger.warn({ err: error }, `Bad input: ${error.message}`),
      },
      config,
    );
    while (records.length < max && !signal.aborted) {
      const polled = (await task.poll()) ?? [];
      records.push(...polled);
      if (polled.length === 0 && !(waits && records.length === 0)) break;
    }
  } finally {
    await task.stop();
  }
  return records.slice(0, max);
}
