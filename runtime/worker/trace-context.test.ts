/** W3C trace context: carried from source to sink as it is, begun where asked for, and named in the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Header, HeaderConverterPlugin, SinkRecord, SourceRecord } from '../../connectors/api/index.ts';
import { eventually, harness, silent, steeredSink, steeredSource } from './harness.ts';

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const state = 'congo=t61rcWkgMzE';
/** Would quote a text, as JsonConverter does as a header converter. */
const quoting: HeaderConverterPlugin = {
  type: 'header_converter',
  class: 'Quoting',
  version: '1',
  config: {},
  create: () => ({
    configure() {},
    fromConnectHeader: (_, { value }) => Buffer.from(JSON.stringify(value)),
    toConnectHeader: (_, key, bytes) => ({ key, schema: null, value: JSON.parse(String(bytes)) as string }),
  }),
};
const text = (key: string, value: string): Header => ({ key, value, schema: null });

function withHeaders(headers: readonly Header[]) {
  const source = steeredSource();
  source.onRecords = (records) => {
    for (const [index, record] of records.entries()) {
      (records as SourceRecord[])[index] = { ...record, headers: record.value === 'traced' ? headers : [] };
    }
  };
  return source;
}

test('traceparent and tracestate reach the sink as they left the source, whatever the header converter does', async (t) => {
  const source = withHeaders([text('traceparent', parent), text('tracestate', state), text('other', 'x')]);
  const sink = steeredSink();
  const seen: SinkRecord[] = [];
  sink.onPut = (records) => void seen.push(...records);
  const { create, log } = await harness(t, [source.plugin, sink.plugin, quoting]);
  source.values.push('traced', 'untraced');
  const converter = { 'header.converter': 'Quoting' };
  await create('from', { 'connector.class': 'SteeredSource', 'trace.context': 'begin', ...converter });
  await create('to', { 'connector.class': 'SteeredSink', topics: 'out', ...converter });
  await eventually(() => assert.equal(seen.length, 2));
  const headersOf = (record: SinkRecord) => Object.fromEntries(record.headers.map(({ key, value }) => [key, value]));
  assert.deepEqual(headersOf(seen[0]!), { traceparent: parent, tracestate: state, other: 'x' });
  const begun = headersOf(seen[1]!);
  assert.match(String(begun.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.equal(log.records({ topic: 'out', partition: 0 })[0]!.headers[0]!.value?.toString(), parent);
});

test('without being asked no trace is begun', async (t) => {
  const source = withHeaders([]);
  source.values.push('a');
  const { create, log, values } = await harness(t, [source.plugin]);
  await create('s', { 'connector.class': 'SteeredSource' });
  await eventually(() => assert.deepEqual(values('out'), ['a']));
  assert.deepEqual(log.records({ topic: 'out', partition: 0 })[0]!.headers, []);
});

test('the log line of a failed task has the record’s coordinates and its trace', async (t) => {
  const lines: object[] = [];
  const error = (fields: object) => void lines.push(fields);
  const child = (): typeof logger => ({ ...logger, child });
  const logger = { ...silent, error, child: () => child() };
  const sink = steeredSink();
  const { create, log } = await harness(t, [sink.plugin], { logger });
  await log.createTopics([{ topic: 'in', partitions: 1, replicationFactor: 1 }]);
  const headers = [{ key: 'traceparent', value: Buffer.from(parent) }];
  const value = Buffer.from('unreadable');
  await log.producer().send([{ topic: 'in', partition: 0, key: null, value, headers, timestamp: null }]);
  await create('s', { 'connector.class': 'SteeredSink', topics: 'in' });
  await eventually(() => assert.equal(lines.length, 1));
  const { err: _, ...fields } = lines[0] as { err: Error };
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const place = { stage: 'VALUE_CONVERTER', topic: 'in', partition: 0, offset: 0, traceId };
  assert.deepEqual(fields, { cause: 'bad record', ...place });
});
