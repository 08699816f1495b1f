import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AckLine, Delivery, encodePubacks, Fifo, Window } from './ack-line.ts';

const delivery = (text = 'x', packetId = 0) => new Delivery('t', Buffer.from(text), packetId);

test('Acknowledgements leave in the order of receipt, whatever became durable first', () => {
  const line = new AckLine();
  const deliveries = [delivery('a', 1), delivery('b', 2), delivery('c', 3)];
  for (const item of deliveries) line.owe(item);
  deliveries[1]!.isDone = true;
  assert.deepEqual(line.settle(), []);
  deliveries[0]!.isDone = true;
  assert.deepEqual(
    line.settle().map(({ packetId }) => packetId),
    [1, 2],
  );
  assert.equal(line.length, 1);
});

test('A PUBACK is four bytes, the packet id in network order', () => {
  assert.deepEqual([...encodePubacks([{ packetId: 1 }, { packetId: 0xfffe }])], [0x40, 2, 0, 1, 0x40, 2, 0xff, 0xfe]);
});

test('The window is full at either bound and drained at half of both', () => {
  const window = new Window(4, 10);
  const big = delivery('12345678');
  window.take(delivery('1'));
  assert.equal(window.isFull, false);
  window.take(big);
  assert.equal(window.isFull, false);
  window.take(delivery('2'));
  assert.equal(window.isFull, true);
  window.give(big);
  assert.equal(window.isFull, false);
  assert.equal(window.isDrained, true);
});

test('The queue keeps order over many pushes and shifts', () => {
  const queue = new Fifo<number>();
  let next = 0;
  for (let i = 0; i < 10_000; i++) {
    queue.push(i);
    if (i % 3 !== 0) assert.equal(queue.shift(), next++);
  }
  assert.equal(queue.at(0), next);
  assert.equal(queue.at(queue.length), undefined);
  assert.equal(queue.length, 10_000 - next);
});
