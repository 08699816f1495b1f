/** What kafkajs throws, and whether the same call may succeed later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asLogError } from './kafka-errors.ts';

/** As kafkajs makes them: a name, and whether it would try again itself. */
function kafkaError(name: string, retriable: boolean, cause?: Error): Error {
  return Object.assign(new Error(`${name}!`, cause === undefined ? {} : { cause }), { name, retriable });
}

test('a coordinator that a starting broker does not know yet may be found later, however kafkajs wraps it', () => {
  const inner = kafkaError('KafkaJSGroupCoordinatorNotFound', false);
  assert.equal(asLogError(inner, 'An append').retriable, true);
  assert.equal(asLogError(kafkaError('KafkaJSNonRetriableError', false, inner), 'An append').retriable, true);
  assert.equal(asLogError(kafkaError('KafkaJSNonRetriableError', false), 'An append').retriable, false);
  const mistake = kafkaError('KafkaJSNonRetriableError', false, new TypeError('no function'));
  assert.equal(asLogError(mistake, 'An append').retriable, false);
});
