/**
 * The life of edge nodes and devices, message by message: aliases, sequence numbers, deaths, and what a restart knows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkplugNodes } from './nodes.ts';
import type { Metric, SparkplugPayload } from './payload.ts';
import { type Address, commandTopic, type MessageType, parseTopic } from './topic.ts';

const at = (type: MessageType, device: string | null = null): Address => ({ type, group: 'g', node: 'n', device });

function metric(part: Partial<Metric>): Metric {
  const nothing = { name: null, alias: null, timestamp: null, datatype: null, properties: null, value: null };
  return { ...nothing, isHistorical: false, isTransient: false, isNull: false, ...part };
}

const payload = (seq: number | null, ...metrics: Metric[]): SparkplugPayload => ({ timestamp: 1000, seq, metrics });
const bdSeq = (value: number) => metric({ name: 'bdSeq', datatype: 8, value });
const temperature = metric({ name: 'temp', alias: 1, datatype: 10, value: 20 });
const data = metric({ alias: 1, value: 21 });

/** A node and its device, both alive; the next number is 2. */
function plant(): SparkplugNodes {
  const nodes = new SparkplugNodes();
  nodes.take(at('NBIRTH'), payload(0, bdSeq(5), temperature));
  nodes.take(at('DBIRTH', 'd'), payload(1, metric({ name: 'rpm', alias: 2, datatype: 3, value: 0 })));
  return nodes;
}

test('Topics are read with their four or five levels, and hosts in both spellings', () => {
  assert.deepEqual(parseTopic('spBv1.0/g/DDATA/n/d'), { type: 'DDATA', group: 'g', node: 'n', device: 'd' });
  assert.deepEqual(parseTopic('spBv1.0/STATE/scada'), { type: 'STATE', host: 'scada' });
  assert.deepEqual(parseTopic('STATE/scada'), { type: 'STATE', host: 'scada' });
  for (const wrong of ['spBv1.0/g/NDATA', 'spBv1.0/g/NDATA/n/d', 'spBv1.0/g/DDATA/n', 'spBv1.0/g/XDATA/n', 'a/b']) {
    assert.equal(parseTopic(wrong), null, wrong);
  }
  assert.equal(commandTopic('g/n'), 'spBv1.0/g/NCMD/n');
});

test('An alias is resolved by the birth of its node or device, and by no other', () => {
  const nodes = plant();
  assert.deepEqual(nodes.resolve(at('NDATA'), data), { name: 'temp', datatype: 10 });
  assert.equal(nodes.resolve(at('DDATA', 'd'), data), null);
  assert.deepEqual(nodes.resolve(at('DDATA', 'd'), metric({ alias: 2 })), { name: 'rpm', datatype: 3 });
  assert.deepEqual(nodes.resolve(at('NDATA'), metric({ name: 'temp' })), { name: 'temp', datatype: 10 });
});

test('A left-out number is a gap until the next birth, and a rebirth is asked for', () => {
  const nodes = plant();
  assert.equal(nodes.take(at('NDATA'), payload(2, data)).hasGap, false);
  const found = nodes.take(at('NDATA'), payload(4, data));
  assert.deepEqual([found.hasGap, found.needsRebirth, found.isStale], [true, true, false]);
  assert.equal(nodes.take(at('NDATA'), payload(5, data)).hasGap, true);
  nodes.take(at('NBIRTH'), payload(0, bdSeq(5), temperature));
  assert.equal(nodes.take(at('NDATA'), payload(1, data)).hasGap, false);
});

test('The sequence wraps from 255 to 0, and a message sent again is no gap', () => {
  const nodes = plant();
  for (let seq = 2; seq < 256; seq++) assert.equal(nodes.take(at('NDATA'), payload(seq, data)).hasGap, false);
  assert.equal(nodes.take(at('NDATA'), payload(0, data)).hasGap, false);
  assert.equal(nodes.take(at('NDATA'), payload(0, data), true).hasGap, false);
  assert.equal(nodes.take(at('NDATA'), payload(1, data)).hasGap, false);
});

test('A death makes stale: a device alone, or a node with its devices; data after it asks for a rebirth', () => {
  const nodes = plant();
  const gone = nodes.take(at('DDEATH', 'd'), payload(2));
  assert.deepEqual([gone.isStale, gone.needsRebirth], [true, false]);
  assert.equal(nodes.take(at('NDATA'), payload(3, data)).isStale, false);
  nodes.take(at('DBIRTH', 'd'), payload(4, metric({ name: 'rpm', alias: 2, datatype: 3 })));
  assert.deepEqual(nodes.take(at('NDEATH'), payload(null, bdSeq(5))).lostDevices, ['d']);
  const late = nodes.take(at('DDATA', 'd'), payload(5, metric({ alias: 2 })));
  assert.deepEqual([late.isStale, late.needsRebirth], [true, true]);
});

test('A will of an earlier life changes nothing', () => {
  const nodes = plant();
  const late = nodes.take(at('NDEATH'), payload(null, bdSeq(4)));
  assert.deepEqual([late.isOutdated, late.isStale, late.lostDevices], [true, false, []]);
  assert.equal(nodes.take(at('NDATA'), payload(2, data)).isStale, false);
});

test('Data before any birth is stale and asks for one', () => {
  const found = new SparkplugNodes().take(at('NDATA'), payload(7, data));
  assert.deepEqual([found.isStale, found.needsRebirth], [true, true]);
});

/** What is kept goes through JSON, as in the log. */
function restarted(nodes: SparkplugNodes): SparkplugNodes {
  const next = new SparkplugNodes();
  const json = (value: unknown) => JSON.parse(JSON.stringify(value));
  next.restore(at('NBIRTH'), json(nodes.birthOffset(at('NBIRTH'))));
  next.restore(at('DBIRTH', 'd'), json(nodes.birthOffset(at('DBIRTH', 'd'))));
  next.restoreSeq(at('NDATA'), json(nodes.seqOffset(at('NDATA'))));
  return next;
}

test('A restart knows births, aliases and the next number; one that missed a message sees the gap', () => {
  const before = plant();
  before.take(at('NDATA'), payload(2, data));
  const next = restarted(before);
  assert.deepEqual(next.resolve(at('DDATA', 'd'), metric({ alias: 2 })), { name: 'rpm', datatype: 3 });
  const found = next.take(at('NDATA'), payload(3, data));
  assert.deepEqual([found.hasGap, found.needsRebirth, found.isStale], [false, false, false]);
  const missed = restarted(before).take(at('NDATA'), payload(4, data));
  assert.deepEqual([missed.hasGap, missed.needsRebirth], [true, true]);
});

test('A restart knows who is dead, and keeps nothing of a device from an earlier life of its node', () => {
  const dead = plant();
  dead.take(at('DDEATH', 'd'), payload(2));
  assert.equal(restarted(dead).take(at('DDATA', 'd'), payload(3, metric({ alias: 2 }))).isStale, true);
  const before = plant();
  const device = JSON.parse(JSON.stringify(before.birthOffset(at('DBIRTH', 'd'))));
  before.take(at('NBIRTH'), { ...payload(0, bdSeq(6), temperature), timestamp: 2000 });
  const next = new SparkplugNodes();
  next.restore(at('NBIRTH'), JSON.parse(JSON.stringify(before.birthOffset(at('NBIRTH')))));
  next.restore(at('DBIRTH', 'd'), device);
  assert.equal(next.resolve(at('DDATA', 'd'), metric({ alias: 2 })), null);
});
