/** A transaction that must not begin: what is sent of it is looked at, no server answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from 'pg';
import { parseConfig } from '../../api/index.ts';
import { BatchWriter } from './sink-batch.ts';
import { sinkSettings } from './sink-config.ts';
import { json, sinkRecord } from './sink-harness.ts';
import { sinkConfigDefs } from './sink-keys.ts';
import { SinkOffsets } from './sink-offsets.ts';
import { TargetTables } from './target-tables.ts';

test('rows whose offsets cannot be written are not sent, because a COMMIT would follow them', async () => {
  const { config } = parseConfig(sinkConfigDefs.own, { 'connection.url': 'postgres://host/db' });
  const settings = sinkSettings(config, 'own');
  const sent: unknown[] = [];
  const client = { query: async (query: unknown) => void sent.push(query) } as unknown as Client;
  const offsets = new SinkOffsets('millrace_offsets', 'sink');
  const writer = new BatchWriter(settings, new TargetTables(settings), offsets, () => assert.fail('nothing is broken'));
  const record = sinkRecord({ offset: 0, key: json('{"id":1}'), value: json('{"id":1}') });
  await assert.rejects(writer.pass(client, [record]), /is to write records of .*, which its task has not taken over/);
  assert.deepEqual(sent, []);
});
