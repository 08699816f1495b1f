/**
 * The plugin API: everything a connector, transform or converter is written against. Imports nothing of the house.
 *
 * @example A source that counts.
 * ```ts
 * import { type Plugin, Schemas, type SourceTask } from 'millrace';
 *
 * function countingTask(): SourceTask {
 *   let next = 0;
 *   return {
 *     async start(context) {
 *       const [offset] = await context.offsets([{ counter: 'demo' }]);
 *       next = Number(offset?.next ?? 0);
 *     },
 *     async poll() {
 *       const value = next++;
 *       return [
 *         {
 *           sourcePartition: { counter: 'demo' },
 *           sourceOffset: { next },
 *           topic: 'numbers',
 *           partition: null,
 *           keySchema: null,
 *           key: null,
 *           valueSchema: Schemas.int64,
 *           value,
 *           headers: [],
 *           timestamp: null,
 *         },
 *       ];
 *     },
 *     stop() {},
 *   };
 * }
 *
 * export const plugins: Plugin[] = [
 *   {
 *     type: 'source',
 *     class: 'Counter',
 *     version: '1.0.0',
 *     config: {},
 *     create: () => ({ start() {}, taskConfigs: () => [{}], createTask: countingTask, stop() {} }),
 *   },
 * ];
 * ```
 */
export * from './config.ts';
export * from './config-schema.ts';
export * from './connector.ts';
export * from './converter.ts';
export * from './errors.ts';
export * from './java-regex.ts';
export { AddedMembers, JsonMembers, MemberNames } from './json-members.ts';
export * from './key-table.ts';
export * from './member-code.ts';
export * from './plugin.ts';
export * from './record.ts';
export * from './record-draft.ts';
export * from './record-json.ts';
export * from './record-run.ts';
export * from './record-template.ts';
export * from './sample.ts';
export * from './schema.ts';
export * from './tag-path.ts';
export * from './task.ts';
export * from './transform.ts';
export * from './value-text.ts';
