/**
 * Records what Debezium's CloudEventsConverter makes of the events of test/kit/cloud-events.ts, into test/golden/cloud-events.jsonl. A
 * developer's script.
 *
 *   node scripts/golden/record-cloud-events.ts      needs a JDK, and the jars that record-debezium.ts fetches
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cloudEventInputs, goldenCloudEvents } from '../../test/kit/cloud-events.ts';

const jars = path.join(import.meta.dirname, '..', '..', '.cache', 'debezium', 'lib', '*');
const lines = cloudEventInputs().map(({ config, topic, schema, payload }) =>
  JSON.stringify({ config, topic, value: `{"schema":${schema},"payload":${payload}}` }),
);
const program = path.join(import.meta.dirname, 'debezium', 'CloudEvents.java');
const { stdout, stderr, status } = spawnSync('java', ['-cp', jars, program], {
  input: `${lines.join('\n')}\n`,
  encoding: 'utf8',
  maxBuffer: 1 << 28,
});
if (status !== 0) throw new Error(stderr);
const told = stdout.split('\n').filter((line) => line !== '');
if (told.length !== lines.length)
  throw new Error(`${lines.length} events were given, and ${told.length} lines came back.`);
fs.writeFileSync(goldenCloudEvents, `${told.join('\n')}\n`);
process.stdout.write(`${told.length} events, ${told.filter((line) => line.startsWith('{"failure"')).length} refused\n`);
