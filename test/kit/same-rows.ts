/**
 * Compares many rows and names the few that differ.
 *
 * Not `deepEqual`: the difference it prints of two large collections costs time and memory with the square of their lines.
 * Twenty thousand rows that differ take the whole machine, in one synchronous call that no timeout can end.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

/** Of each kind of difference. */
const NAMED_MAX = 5;
const TEXT_MAX = 200;

/** Fails with a count and a few examples where the two do not hold equal values under equal keys. */
export function assertSameRows<K>(actual: ReadonlyMap<K, unknown>, expected: ReadonlyMap<K, unknown>, what = ''): void {
  const missing = [...expected.keys()].filter((key) => !actual.has(key));
  const extra = [...actual.keys()].filter((key) => !expected.has(key));
  const other = [...actual.keys()].filter(
    (key) => expected.has(key) && !isDeepStrictEqual(actual.get(key), expected.get(key)),
  );
  if (missing.length + extra.length + other.length === 0) return;
  const lines = [
    `${what}${actual.size} rows instead of ${expected.size}`,
    ...listed('missing', missing, (key) => short(expected.get(key))),
    ...listed('too many', extra, (key) => short(actual.get(key))),
    ...listed('different', other, (key) => `${short(actual.get(key))} instead of ${short(expected.get(key))}`),
  ];
  assert.fail(lines.join('\n'));
}

function listed<K>(kind: string, keys: readonly K[], say: (key: K) => string): string[] {
  if (keys.length === 0) return [];
  const named = keys.slice(0, NAMED_MAX).map((key) => `  ${String(key)}: ${say(key)}`);
  return [`${keys.length} ${kind}:`, ...named];
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
