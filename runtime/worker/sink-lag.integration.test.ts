/** A sink that has read all of a topic written in transactions has no lag: their ends are not records it waits for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { startTestBroker } from '../../test/kit/broker.ts';
import { startWorker } from '../worker-server.ts';
import {
  eventually,
  range,
  silent,
  steeredSink,
  steeredSource,
  textConverter,
  textHeaderConverter,
} from './harness.ts';

test('a group that has read everything is at the end of the log, behind the last transaction’s end', async (t) => {
  const { broker } = await startTestBroker(t);
  const log = inProcessLog(broker);
  const source = steeredSource({ exactlyOnceSupport: () => 'supported' });
  const sink = steeredSink();
  const worker = await startWorker({
    log,
    plugins: [source.plugin, sink.plugin, textConverter, textHeaderConverter],
    host: '127.0.0.1',
    port: 0,
    logger: silent,
    config: {
      'key.converter': 'TextConverter',
      'value.converter': 'TextConverter',
      'header.converter': 'TextHeaderConverter',
      'offset.flush.interval.ms': '20',
    },
  });
  t.after(async () => {
    await worker.stop();
    await log.close();
  });
  source.values.push(...range(25));
  await worker.worker.create('from', { 'connector.class': 'SteeredSource' });
  await worker.worker.create('to', { 'connector.class': 'SteeredSink', topics: 'out' });
  await eventually(() => assert.deepEqual(sink.received, range(25)));
  const { logEndOffset } = await log.offsets({ topic: 'out', partition: 0 });
  assert.ok(logEndOffset > 25, 'there are ends of transactions among the records');
  await eventually(async () => assert.equal((await log.groupOffsets('connect-to'))[0]?.offset, logEndOffset));
  const lag = worker.collect().find(({ name }) => name === 'kafka_connect_sink_task_sink_record_lag_max');
  await eventually(() => assert.equal(lag?.samples[0]?.value, 0));
});
