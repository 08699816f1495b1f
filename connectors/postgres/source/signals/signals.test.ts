/** Signals that are not what they should be: each is refused with a reason, and none harms the task that reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError, type Logger } from '../../../api/index.ts';
import { readCopyLine } from '../snapshot/copy-rows.ts';
import { Tuple } from '../tables/pgoutput.ts';
import { obey, type SignalTargets, signalOfLine, signalOfRow } from './signals.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** What was asked of the two kinds of snapshots. */
function targets() {
  const asked: unknown[][] = [];
  const kind = (name: string) => {
    const note =
      (what: string) =>
      (...given: unknown[]) =>
        void asked.push([name, what, ...given]);
    return { execute: note('execute'), cancel: note('cancel'), pause: note('pause') };
  };
  const made = { incremental: kind('incremental'), blocking: kind('blocking'), tables: ['public.t', 'public.u'] };
  return { asked, targets: { ...made, logger: silent } as unknown as SignalTargets };
}

const refusalOf = (type: string, data: unknown) => {
  const { targets: given, asked } = targets();
  let refusal: unknown;
  try {
    obey({ id: 'x', type, data: data as Record<string, unknown> }, given);
  } catch (error) {
    refusal = error;
  }
  assert.ok(refusal instanceof DataError, `${JSON.stringify(data)}: ${String(refusal)} ${JSON.stringify(asked)}`);
  assert.equal(refusal.code, 'PG_SIGNAL');
  return refusal.message;
};

test('what has another form than it should is refused by the name of its member', () => {
  const collections = { 'data-collections': ['public.t'] };
  assert.match(refusalOf('execute-snapshot', { 'data-collections': 'public.t' }), /"data-collections".*list of/);
  assert.match(refusalOf('execute-snapshot', { 'data-collections': [1] }), /"data-collections".*list of/);
  assert.match(refusalOf('stop-snapshot', { 'data-collections': {} }), /"data-collections".*list of/);
  assert.match(
    refusalOf('execute-snapshot', { ...collections, 'additional-conditions': 'v = 1' }),
    /"additional-conditions"/,
  );
  assert.match(
    refusalOf('execute-snapshot', { ...collections, 'additional-conditions': [{ filter: 1 }] }),
    /"additional-conditions"/,
  );
  assert.match(refusalOf('execute-snapshot', { ...collections, type: 5 }), /type "5"/);
  assert.match(refusalOf('execute-snapshot', { ...collections, type: 'both' }), /incremental and blocking/);
  assert.match(refusalOf('execute-snapshot', { ...collections, 'surrogate-key': 5 }), /"surrogate-key"/);
  assert.match(refusalOf('execute-snapshot', {}), /names no table that is captured/);
  assert.match(refusalOf('explode', {}), /Nobody knows/);
});

test('lists are of regular expressions, names may be quoted, and an empty one stops all', () => {
  const { asked, targets: given } = targets();
  obey({ id: 'a', type: 'execute-snapshot', data: { 'data-collections': ['public.*', '"public"."t"'] } }, given);
  obey({ id: 'b', type: 'stop-snapshot', data: { 'data-collections': [], type: 'incremental' } }, given);
  obey({ id: 'c', type: 'stop-snapshot', data: { 'data-collections': ['PUBLIC.U'], type: 'INCREMENTAL' } }, given);
  assert.deepEqual(asked, [
    ['incremental', 'execute', 'a', ['public.t', 'public.u'], {}, null],
    ['incremental', 'cancel', null],
    ['incremental', 'cancel', ['public.u']],
  ]);
});

test('a row without data is a signal without any; one with too few columns is refused', () => {
  const rowOf = (line: string) => {
    const row = new Tuple();
    const buffer = Buffer.from(line);
    readCopyLine(buffer, 0, buffer.length, line.split('\t').length, row);
    return row;
  };
  assert.deepEqual(signalOfRow(rowOf('one\tpause-snapshot\t\\N')), { id: 'one', type: 'pause-snapshot', data: {} });
  assert.throws(() => signalOfRow(rowOf('one\tlog')), { code: 'PG_SIGNAL', message: /three columns/ });
});

test('lines without a type or without JSON are refused', () => {
  assert.throws(() => signalOfLine('{"id":"x"}'), { code: 'PG_SIGNAL', message: /no type/ });
  assert.throws(() => signalOfLine('stop!'), { code: 'PG_SIGNAL', message: /no JSON/ });
  assert.throws(() => signalOfLine('{"type":"log","data":[1]}'), { code: 'PG_SIGNAL', message: /no JSON object/ });
});
