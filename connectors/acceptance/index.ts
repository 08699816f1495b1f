/**
 * The examination every source and sink passes, for our connectors and for other people's: `millrace/testing`.
 *
 * @example What the test file of a connector needs: a config that works, how to write input, how to read it back.
 * ```ts
 * import type { SourceConnectorPlugin } from 'millrace';
 * import { examineSource } from 'millrace/testing';
 *
 * interface Queue {
 *   readonly url: string;
 *   push(job: string): Promise<void>;
 * }
 *
 * export function examineJobs(plugin: SourceConnectorPlugin, openQueue: () => Promise<Queue>): void {
 *   examineSource({
 *     plugin,
 *     prepare: async () => {
 *       const queue = await openQueue();
 *       return {
 *         config: { 'queue.url': queue.url, topic: 'jobs' },
 *         write: async (values) => {
 *           for (const value of values) await queue.push(value);
 *         },
 *         read: (record) => String(record.value),
 *       };
 *     },
 *   });
 * }
 * ```
 */
export * from './examine-sink.ts';
export * from './examine-source.ts';
export * from './logger.ts';
export * from './readme.ts';
export * from './sink-run.ts';
export * from './source-run.ts';
