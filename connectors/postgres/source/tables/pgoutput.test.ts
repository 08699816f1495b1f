/** pgoutput messages byte by byte, laid out as the PostgreSQL manual ("Logical Replication Message Formats") draws them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLsn, type MessageReader, parseLsn, readMessage, type Tuple, TupleKind } from './pgoutput.ts';

const columns = (row: Tuple): (string | null)[] =>
  Array.from({ length: row.count }, (_, i) => {
    if (row.kinds[i] === TupleKind.null) return null;
    if (row.kinds[i] === TupleKind.unchanged) return '(unchanged)';
    return row.buffer.toString('utf8', row.starts[i], row.ends[i]);
  });

/** Writes down what it is told; tuples are views and must be read at once. */
function recorder(): { calls: unknown[]; reader: MessageReader } {
  const calls: unknown[] = [];
  return {
    calls,
    reader: {
      begin: (lsn, micros, xid) => calls.push(['begin', lsn, micros, xid]),
      origin: (lsn, name) => calls.push(['origin', lsn, name]),
      commit: (lsn, end) => calls.push(['commit', lsn, end]),
      relation: (relation) => calls.push(['relation', relation]),
      insert: (oid, row) => calls.push(['insert', oid, columns(row)]),
      update: (oid, old, before, after) =>
        calls.push(['update', oid, old, old === 'none' ? null : columns(before), columns(after)]),
      delete: (oid, old, before) => calls.push(['delete', oid, old, columns(before)]),
      truncate: (oids) => calls.push(['truncate', oids]),
      message: (isTransactional, lsn, prefix, content) =>
        calls.push(['message', isTransactional, lsn, prefix, content.toString()]),
    },
  };
}

function read(hex: string): unknown {
  const { calls, reader } = recorder();
  readMessage(Buffer.from(hex.replace(/\s/g, ''), 'hex'), 0, reader);
  return calls[0];
}

const text = (value: string) =>
  `74 ${Buffer.from([0, 0, 0, value.length]).toString('hex')} ${Buffer.from(value).toString('hex')}`;

test('begin tells commit position, commit time since 1970, and transaction', () => {
  const micros = 0x0002e1c6f4b0a000n;
  const hex = `42 0000000001b8a990 ${micros.toString(16).padStart(16, '0')} 000002f5`;
  assert.deepEqual(read(hex), ['begin', 0x1b8a990, Number(micros) + 946_684_800_000_000, 0x2f5]);
});

test('origin tells where the transaction came from, and its position there', () => {
  assert.deepEqual(read('4f 0000000000aabbcc 6e6f646531 00'), ['origin', 0xaabbcc, 'node1']);
});

test('commit tells its own position and where it ends', () => {
  assert.deepEqual(read('43 00 0000000001b8a990 0000000001b8a9c0 0002e1c6f4b0a000'), ['commit', 0x1b8a990, 0x1b8a9c0]);
});

test('relation tells columns with type, modifier and whether they identify', () => {
  const name = (value: string) => `${Buffer.from(value).toString('hex')}00`;
  const hex = `52 00004001 ${name('public')} ${name('t')} 64 0002 01 ${name('id')} 00000017 ffffffff 00 ${name('v')} 000006a4 000a0006`;
  assert.deepEqual(read(hex), [
    'relation',
    {
      oid: 0x4001,
      schema: 'public',
      name: 't',
      replicaIdentity: 'd',
      columns: [
        { name: 'id', isKey: true, typeOid: 23, modifier: -1 },
        { name: 'v', isKey: false, typeOid: 1700, modifier: 0x000a0006 },
      ],
    },
  ]);
});

test('insert tells the row, with null and empty text apart', () => {
  assert.deepEqual(read(`49 00004001 4e 0003 ${text('1')} 6e ${text('')}`), ['insert', 0x4001, ['1', null, '']]);
});

test('update tells what it has of the row before: nothing, the key, or all', () => {
  assert.deepEqual(read(`55 00004001 4e 0002 ${text('1')} 75`), ['update', 0x4001, 'none', null, ['1', '(unchanged)']]);
  const keyed = `55 00004001 4b 0002 ${text('1')} 6e 4e 0002 ${text('2')} ${text('b')}`;
  assert.deepEqual(read(keyed), ['update', 0x4001, 'key', ['1', null], ['2', 'b']]);
  const full = `55 00004001 4f 0002 ${text('1')} ${text('a')} 4e 0002 ${text('1')} ${text('b')}`;
  assert.deepEqual(read(full), ['update', 0x4001, 'full', ['1', 'a'], ['1', 'b']]);
});

test('a logical message tells whether it belongs to a transaction, and its bytes', () => {
  assert.deepEqual(read('4d 01 00000000000000ff 617564697400 00000002 6869'), ['message', true, 255, 'audit', 'hi']);
});

test('delete and truncate tell what went', () => {
  assert.deepEqual(read(`44 00004001 4b 0002 ${text('1')} 6e`), ['delete', 0x4001, 'key', ['1', null]]);
  assert.deepEqual(read('54 00000002 00 00004001 00004002'), ['truncate', [0x4001, 0x4002]]);
});

test('a message of a later protocol version is refused, not skipped', () => {
  assert.throws(() => read('53 000002f5 01'), /pgoutput sent message "S"/);
});

test('positions are written as Postgres writes them', () => {
  assert.equal(parseLsn('16/B374D848'), 0x16_b374_d848);
  assert.equal(formatLsn(0x16_b374_d848), '16/B374D848');
});
