/**
 * The list of what may come again: what stands in it at which record, when it shrinks, and that it has a bound.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Delivery } from './ack-line.ts';
import { Redeliveries } from './redeliveries.ts';

const message = (packetId: number, text = `message ${packetId}`) => new Delivery('t', Buffer.from(text), packetId);

/** What a list would recognise. */
function idsIn(list: string): number[] {
  const bytes = Buffer.from(list, 'base64');
  return Array.from({ length: bytes.length / 6 }, (_, index) => bytes.readUInt16BE(index * 6));
}

function receive(redeliveries: Redeliveries, ...deliveries: Delivery[]): void {
  for (const delivery of deliveries) redeliveries.received(delivery);
}

test('The list at a record has the messages up to it, and a dead letter only once that is durable', () => {
  const redeliveries = new Redeliveries();
  redeliveries.connected(true);
  const [a, bad, c] = [message(1), message(2), message(3)];
  receive(redeliveries, a!, bad!, c!);
  bad!.isBad = true;
  assert.deepEqual(idsIn(redeliveries.upTo(a!.serial)), [1]);
  assert.deepEqual(idsIn(redeliveries.upTo(c!.serial)), [1, 3]);
  bad!.isDone = true;
  assert.deepEqual(idsIn(redeliveries.upTo(c!.serial)), [1, 2, 3]);
});

test('After a restart a message is recognised by DUP, packet id and content together', () => {
  const before = new Redeliveries();
  before.connected(true);
  const known = message(7);
  receive(before, known);
  const after = new Redeliveries();
  after.restore(before.upTo(known.serial));
  after.connected(true);
  const { topic, payload } = known;
  assert.equal(after.match(7, topic, payload, false), null);
  assert.equal(after.match(8, topic, payload, true), null);
  assert.equal(after.match(7, topic, Buffer.from('other'), true), null);
  assert.equal(after.match(7, 'other', payload, true), null);
  assert.equal(after.match(7, topic, payload, true)?.isDone, true);
  assert.equal(after.match(7, topic, payload, true), null, 'once');
});

test('A session that is gone takes the list along', () => {
  const redeliveries = new Redeliveries();
  redeliveries.connected(true);
  const known = message(7);
  receive(redeliveries, known);
  redeliveries.connected(false);
  assert.equal(redeliveries.match(7, known.topic, known.payload, true), null);
  assert.equal(redeliveries.upTo(known.serial), '');
});

test('What the broker has seen acknowledged leaves the list; what is still owed behind it stays', () => {
  const redeliveries = new Redeliveries();
  redeliveries.connected(true);
  const deliveries = [message(1), message(2), message(3)];
  receive(redeliveries, ...deliveries);
  redeliveries.confirmed(deliveries.slice(0, 2));
  assert.deepEqual(idsIn(redeliveries.upTo(3)), [3]);
});

test('A broker that never answers pings does not make the list grow without end', () => {
  const redeliveries = new Redeliveries();
  redeliveries.connected(true);
  let last = message(1);
  for (let n = 0; n < 100_000; n++) {
    last = message((n % 65_535) + 1);
    receive(redeliveries, last);
    last.isDone = true;
  }
  assert.equal(idsIn(redeliveries.upTo(last.serial)).length, 16_384);
});
