/**
 * CloudEvents as Debezium's own converter wrote them (test/golden/cloud-events.jsonl, recorded by scripts/golden/record-cloud-events.ts),
 * byte for byte, and back.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cloudEventInputs, recordedCloudEvents } from '../../test/kit/cloud-events.ts';
import { type Converter, JsonText, parseConfig, type RecordValue, type Schema, unknownKeys } from '../api/index.ts';
import { cloudEventsPlugin } from './cloud-events.ts';
import { jsonPlugin } from './json.ts';
import { memberRanges } from './json-member-ranges.ts';

function open(plugin: typeof jsonPlugin, given: Readonly<Record<string, string>> = {}): Converter {
  const converter = plugin.create() as Converter;
  const { config, problems } = parseConfig(plugin.config, given);
  assert.deepEqual(problems, []);
  converter.configure(config, { isKey: false });
  return converter;
}

const read = (schema: string, payload: string) =>
  open(jsonPlugin).toConnectData('', Buffer.from(`{"schema":${schema},"payload":${payload}}`)) as {
    schema: Schema;
    value: RecordValue;
  };
/** How a text is escaped is the source's: both mean the same. */
const alike = (text: string | null) => text?.replace(/"(?:[^"\\]|\\.)*"/g, (each) => JSON.stringify(JSON.parse(each)));
const textOf = (bytes: unknown) => (bytes === null ? null : Buffer.from(bytes as Uint8Array).toString());

describe('CloudEventsConverter', () => {
  const inputs = cloudEventInputs();
  const recorded = recordedCloudEvents();

  test('writes the events that Debezium wrote, byte for byte, of what the source wrote as JSON', () => {
    assert.equal(recorded.length, inputs.length);
    for (const [index, { config, topic, schema, payload }] of inputs.entries()) {
      const value = new JsonText(Buffer.from(payload));
      const event = open(cloudEventsPlugin, config).fromConnectData(topic, read(schema, payload).schema, value);
      const [ours, theirs] = [textOf(event), recorded[index] ?? null];
      // Decimals as numbers are no text of the source's any more, and doubles are spelt as JavaScript does.
      if (config['json.decimal.format'] === 'NUMERIC')
        assert.deepEqual(JSON.parse(ours ?? 'null'), JSON.parse(theirs ?? 'null'));
      else assert.equal(alike(ours), alike(theirs), `event ${index}`);
    }
  });

  test('writes the same of values that transforms have taken apart', () => {
    for (const [index, { config, topic, schema, payload }] of inputs.entries()) {
      const { schema: known, value } = read(schema, payload);
      const event = textOf(open(cloudEventsPlugin, config).fromConnectData(topic, known, value));
      assert.deepEqual(JSON.parse(event ?? 'null'), JSON.parse(recorded[index] ?? 'null'), `event ${index}`);
    }
  });

  test('reads an event as an object, its data without the envelope of its schema', () => {
    for (const [index, { config, payload }] of inputs.entries()) {
      const event = recorded[index];
      if (event == null) continue;
      const { schema, value } = open(cloudEventsPlugin, config).toConnectData('', Buffer.from(event)) as ReturnType<
        typeof read
      >;
      assert.equal(schema, null);
      const { id, data } = value as unknown as { id: string; data: { after: { id?: unknown } | null } };
      assert.match(id, /^name:srv;lsn:\d+;txId:\d+;sequence:\[/);
      assert.equal(data.after?.id, (JSON.parse(payload) as { after: { id?: unknown } | null }).after?.id);
    }
    assert.throws(
      () => open(cloudEventsPlugin).toConnectData('', Buffer.from('{"id":"1"}')),
      /A CloudEvent needs id, source/,
    );
  });

  test('a tombstone stays one, and a value that is no change event is refused instead of becoming a tombstone', () => {
    const converter = open(cloudEventsPlugin);
    assert.equal(converter.fromConnectData('t', null, null), null);
    const heartbeat: Schema = { type: 'struct', name: 'io.debezium.connector.common.Heartbeat', fields: [] };
    assert.equal(converter.fromConnectData('t', heartbeat, {}), null);
    const flat: Schema = { type: 'struct', name: 'srv.public.t.Value', fields: [] };
    assert.throws(
      () => converter.fromConnectData('t', flat, {}),
      /Only a change event.*has the schema "srv.public.t.Value"/,
    );
    assert.throws(() => converter.fromConnectData('t', null, { id: 1 }), /has no schema/);
  });

  test('what is not written here is refused by name, and what has no effect is taken', () => {
    const problemsOf = (given: Readonly<Record<string, string>>) => [
      ...parseConfig(cloudEventsPlugin.config, given).problems,
      ...unknownKeys([cloudEventsPlugin.config], given),
    ];
    const taken = {
      'serializer.type': 'json',
      'data.serializer.type': 'json',
      'metadata.source': 'value,id:generate,type:generate,traceparent:header,dataSchemaName:generate',
      'schema.cloudevents.name': 'X',
      'schema.name.adjustment.mode': 'none',
      'opentelemetry.tracing.attributes.enable': 'false',
    };
    assert.deepEqual(problemsOf(taken), []);
    for (const [key, value] of [
      ['serializer.type', 'avro'],
      ['data.serializer.type', 'avro'],
      ['metadata.source', 'header'],
      ['metadata.source', 'value,id:header'],
      ['opentelemetry.tracing.attributes.enable', 'true'],
      ['avro.schema.registry.url', 'http://127.0.0.1'],
    ]) {
      assert.deepEqual(
        problemsOf({ [key!]: value! }).map((problem) => problem.key),
        [key],
      );
    }
  });

  test('members are found in any JSON text', () => {
    const text = ' { "a" : [1, {"b": "}\\""}] ,"c":"x,y", "d" : -1.5e3 , "e":{}, "ü":null } ';
    const ranges = memberRanges(Buffer.from(text))!;
    const found = [...ranges].map(([name, [start, end]]) => [name, Buffer.from(text).subarray(start, end).toString()]);
    assert.deepEqual(found, [
      ['a', '[1, {"b": "}\\""}]'],
      ['c', '"x,y"'],
      ['d', '-1.5e3'],
      ['e', '{}'],
      ['ü', 'null'],
    ]);
    assert.equal(memberRanges(Buffer.from('[1]')), null);
    assert.equal(memberRanges(Buffer.from('{}'))!.size, 0);
  });
});
