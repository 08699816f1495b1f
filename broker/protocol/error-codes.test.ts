/**
 * Our table of error codes against Kafka's own (test/golden/errors.jsonl.gz).
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { ErrorCode, errorName, isRetriable } from './error-codes.ts';

const file = path.join(import.meta.dirname, '..', '..', 'test', 'golden', 'errors.jsonl.gz');
const kafkas = zlib
  .gunzipSync(fs.readFileSync(file))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as { code: number; name: string; retriable: boolean });

test("codes, names and what clients retry are Kafka's, none missing and none more", () => {
  const ours = Object.entries(ErrorCode).map(([name, code]) => ({ code, name, retriable: isRetriable(code) }));
  const byCode = (a: { code: number }, b: { code: number }): number => a.code - b.code;
  assert.deepEqual(ours.sort(byCode), [...kafkas].sort(byCode));
});

test('a code from the future is an unknown server error', () => {
  assert.equal(errorName(3), 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal(errorName(9999), 'UNKNOWN_SERVER_ERROR');
});
