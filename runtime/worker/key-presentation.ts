/**
 * How Kafka Connect presents the keys of its runtime in forms: group, place, width, title, and the type where it says
 * another word than we. For tools that build their forms from `validate`.
 */

export interface Presentation {
  readonly group: string;
  readonly order: number;
  readonly width: 'NONE' | 'SHORT' | 'MEDIUM' | 'LONG';
  readonly title: string;
  readonly type?: string;
}

const inGroup =
  (group: string) =>
  (order: number, width: Presentation['width'], title: string, type?: string): Presentation =>
    type === undefined ? { group, order, width, title } : { group, order, width, title, type };

const common = inGroup('Common');
const errors = inGroup('Error Handling');
const exactlyOnce = inGroup('Exactly Once Support');

/** By the name of the key; what is not here is ours alone. */
export const presentations: Readonly<Record<string, Presentation>> = {
  name: common(1, 'MEDIUM', 'Connector name'),
  'connector.class': common(2, 'LONG', 'Connector class', 'STRING'),
  'connector.plugin.version': common(3, 'MEDIUM', 'Connector version'),
  'tasks.max': common(4, 'SHORT', 'Tasks max'),
  'tasks.max.enforce': common(5, 'SHORT', 'Enforce tasks max'),
  'key.converter': common(6, 'SHORT', 'Key converter class'),
  'key.converter.plugin.version': common(7, 'SHORT', 'Key converter version'),
  'value.converter': common(8, 'SHORT', 'Value converter class'),
  'value.converter.plugin.version': common(9, 'SHORT', 'Value converter version'),
  'header.converter': common(10, 'SHORT', 'Header converter class'),
  'header.converter.plugin.version': common(11, 'SHORT', 'Header converter version'),
  transforms: inGroup('Transforms')(12, 'LONG', 'Transforms'),
  predicates: inGroup('Predicates')(13, 'LONG', 'Predicates'),
  'config.action.reload': common(14, 'MEDIUM', 'Reload Action'),
  topics: common(4, 'LONG', 'Topics'),
  'topics.regex': common(4, 'LONG', 'Topics regex'),
  'errors.retry.timeout': errors(1, 'MEDIUM', 'Retry Timeout for Errors'),
  'errors.retry.delay.max.ms': errors(2, 'MEDIUM', 'Maximum Delay Between Retries for Errors'),
  'errors.tolerance': errors(3, 'SHORT', 'Error Tolerance'),
  'errors.log.enable': errors(4, 'SHORT', 'Log Errors'),
  'errors.log.include.messages': errors(5, 'SHORT', 'Log Error Details'),
  'errors.deadletterqueue.topic.name': errors(6, 'MEDIUM', 'Dead Letter Queue Topic Name'),
  'errors.deadletterqueue.topic.replication.factor': errors(
    7,
    'MEDIUM',
    'Dead Letter Queue Topic Replication Factor',
    'SHORT',
  ),
  'errors.deadletterqueue.context.headers.enable': errors(8, 'MEDIUM', 'Enable Error Context Headers'),
  'topic.creation.groups': inGroup('Topic Creation')(1, 'LONG', 'Topic Creation Groups'),
  'exactly.once.support': exactlyOnce(2, 'SHORT', 'Exactly once support'),
  'transaction.boundary': exactlyOnce(3, 'SHORT', 'Transaction Boundary'),
  'transaction.boundary.interval.ms': exactlyOnce(4, 'SHORT', 'Transaction boundary interval'),
  'offsets.storage.topic': inGroup('offsets.topic')(1, 'LONG', 'Offsets topic'),
};

/** Keys of the runtime that only we have stand behind Kafka's, in the group they belong to. */
export function presentationOf(key: string, index: number): Presentation {
  const isAboutErrors = key.startsWith('errors.') || key.startsWith('restart.');
  const known = presentations[key];
  return (
    known ?? { group: isAboutErrors ? 'Error Handling' : 'Common', order: 100 + index, width: 'MEDIUM', title: key }
  );
}
