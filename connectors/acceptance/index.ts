/**
 * The examination every source and sink passes, for our connectors and for other people's: `millrace/testing`.
 *
 * @example A test file of a connector.
 * ```ts
 * import { examineSource } from 'millrace/testing';
 * import { plugins } from './my-connector.ts';
 *
 * examineSource({
 *   plugin: plugins[0],
 *   prepare: async (t) => {
 *     const queue = await startQueue(t);
 *     return {
 *       config: { 'queue.url': queue.url, topic: 'jobs' },
 *       write: (values) => queue.push(values),
 *       read: (record) => String(record.value),
 *     };
 *   },
 * });
 * ```
 */
export * from './examine-sink.ts';
export * from './examine-source.ts';
export * from './logger.ts';
export * from './readme.ts';
export * from './sink-run.ts';
export * from './source-run.ts';
