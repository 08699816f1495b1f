import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IPublishPacket } from 'mqtt';
import { JsonText, parseConfig, Schemas } from '../api/index.ts';
import { Delivery } from './ack-line.ts';
import { mqttSettings, mqttSourceConfig } from './config.ts';
import { RecordMaker } from './records.ts';

function maker(raw: Record<string, string>): RecordMaker {
  const given = { 'mqtt.server.uri': 'mqtt://127.0.0.1', 'mqtt.topics': '#', 'kafka.topic': 'events', ...raw };
  const { config, problems } = parseConfig(mqttSourceConfig, given);
  assert.deepEqual(problems, []);
  return new RecordMaker(mqttSettings(config, 'fleet', 0));
}

function arrival(topic: string, payload: string | Buffer, packet: Partial<IPublishPacket> = {}) {
  const bytes = Buffer.from(payload as string);
  return {
    delivery: new Delivery(topic, bytes),
    packet: { cmd: 'publish', topic, payload: bytes, qos: 1, retain: false, dup: false, ...packet } as IPublishPacket,
    receivedAt: 1234,
  };
}

test("By default a record is Confluent's: the MQTT topic as key, the payload's bytes as value, flags as headers", () => {
  const record = maker({}).record(arrival('trucks/1/gps', 'hello', { retain: true }))!;
  assert.equal(record.topic, 'events');
  assert.deepEqual([record.keySchema, record.key], [Schemas.string, 'trucks/1/gps']);
  assert.deepEqual([record.valueSchema, record.value], [Schemas.bytes, Buffer.from('hello')]);
  assert.equal(record.timestamp, 1234);
  assert.deepEqual(
    record.headers.map((header) => [header.key, header.value]),
    [
      ['mqtt.topic', 'trucks/1/gps'],
      ['mqtt.qos', 1],
      ['mqtt.retained', true],
      ['mqtt.duplicate', false],
    ],
  );
});

test('JSON is handed over as the text it was, checked and already parsed', () => {
  const record = maker({ 'value.format': 'json', 'mqtt.key': 'value:/id' }).record(arrival('t', '{"id": 7}'))!;
  assert.ok(record.value instanceof JsonText);
  assert.equal(Buffer.from(record.value.bytes).toString(), '{"id": 7}');
  assert.equal(record.key, '7');
});

test('A payload that is not what value.format says is bad, and the sentence says which message and why', () => {
  const json = maker({ 'value.format': 'json' });
  assert.throws(() => json.record(arrival('a/b', '{"lat": NaN}')), /"a\/b" is not JSON: .*NaN/s);
  assert.throws(() => json.record(arrival('a/b', '')), /is not JSON/);
  assert.throws(() => json.record(arrival('a/b', Buffer.from([0x22, 0xff, 0x22]))), /not UTF-8/);
  const string = maker({ 'value.format': 'string' });
  assert.equal(string.record(arrival('a', 'grün'))!.value, 'grün');
  assert.throws(() => string.record(arrival('a', Buffer.from([0xff]))), /not UTF-8/);
});

test('A message no rule matches is bad input, or ignored when asked', () => {
  const rules = {
    'kafka.topic': '',
    'mqtt.rules': 'a',
    'mqtt.rules.a.filter': 'a/#',
    'mqtt.rules.a.topic': 'as',
  };
  assert.throws(() => maker(rules).record(arrival('b', 'x')), /No rule .* matches the MQTT topic "b"/);
  assert.equal(maker({ ...rules, 'mqtt.unmatched': 'ignore' }).record(arrival('b', 'x')), null);
});

test('MQTT 5 properties become headers, user properties with their own names and order', () => {
  const properties = { userProperties: { trace: ['1', '2'], unit: 'm' }, contentType: 'text/plain' };
  const record = maker({}).record(arrival('t', 'x', { properties }))!;
  assert.deepEqual(
    record.headers.slice(4).map((header) => [header.key, header.value]),
    [
      ['trace', '1'],
      ['trace', '2'],
      ['unit', 'm'],
      ['mqtt.content.type', 'text/plain'],
    ],
  );
});

test('The client id is stable and tells tasks apart; the offset names the subscriptions of the session', () => {
  const record = maker({ 'mqtt.topics': 'a,b' }).record(arrival('a', 'x'))!;
  assert.deepEqual(record.sourcePartition, { 'mqtt.client.id': 'millrace-fleet-0' });
  assert.deepEqual(record.sourceOffset, { filters: ['a', 'b'], tasks: 1 });
});
