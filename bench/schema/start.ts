/**
 * How long `millrace up` takes from its process' start to the registry's first answer: with no schema, and with VERSIONS of them
 * read from their log or found in the snapshot. The three in turns, median of ROUNDS.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startBroker } from '../../broker/broker.ts';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { startRegistry } from '../../schemas/registry-server.ts';
import { encodeKey, encodeSchemaValue } from '../../schemas/store/topic-format.ts';
import type { Row } from '../report.ts';
import { schema } from './telemetry.ts';

/** How many versions the start is measured with. */
export const VERSIONS = Number(process.env.VERSIONS ?? 50_000);
const ROUNDS = 5;
const SUBJECTS = 5000;
const PER_SEND = 5000;
const nothing = () => {};
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const main = join(import.meta.dirname, '../../cli/main.ts');

/** A data directory whose registry holds the versions, with its snapshot. */
async function filled(data: string): Promise<void> {
  const broker = await startBroker({ dataDir: data, port: 0, logger: SILENT });
  const log = inProcessLog(broker);
  const options = { host: '127.0.0.1', port: 0, log, snapshotFile: join(data, 'schemas.snapshot') };
  await (await startRegistry(options)).stop();
  const producer = log.producer({ clientId: 'bench', acks: 'all' });
  for (let first = 0; first < VERSIONS; first += PER_SEND) {
    await producer.send(Array.from({ length: Math.min(PER_SEND, VERSIONS - first) }, (_, i) => recordOf(first + i)));
  }
  await producer.close();
  // Reads the log, and leaves a snapshot when it stops.
  await (await startRegistry(options)).stop();
  await log.close();
  await broker.stop();
}

function recordOf(index: number) {
  const [subject, version] = [`subject-${index % SUBJECTS}`, Math.floor(index / SUBJECTS) + 1];
  const text = schema.replace('{', `{"title":"${index}",`);
  const value = { subject, version, id: index + 1, schemaType: 'JSON', schema: text, deleted: false } as const;
  return {
    topic: '_schemas',
    partition: 0,
    key: encodeKey({ keytype: 'SCHEMA', subject, version }),
    value: encodeSchemaValue({ ...value, references: [], metadata: null, ruleSet: null }),
    headers: [],
    timestamp: null,
  };
}

/** Milliseconds from the start of the process to an answer of its registry. */
async function firstAnswer(data: string, path: string): Promise<number> {
  const ports = ['kafka', 'connect', 'registry', 'console'].flatMap((name) => [`--${name}-port`, '0']);
  const began = performance.now();
  const args = [main, 'up', '--data', data, ...ports, '--output', 'json', '--log-level', 'warn'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { registry } = JSON.parse(line) as { registry: string };
  const response = await fetch(registry + path);
  if (!response.ok) throw new Error(`${path} is answered ${response.status}`);
  await response.text();
  const ms = performance.now() - began;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return ms;
}

/** With none, from the snapshot, from the log. */
export async function registryStart(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-start-'));
  const [none, many] = [join(folder, 'none'), join(folder, 'many')];
  const snapshot = join(many, 'schemas.snapshot');
  try {
    await filled(many);
    if (!existsSync(snapshot)) throw new Error('the registry left no snapshot');
    const ways = [
      { what: 'no schema', measure: () => firstAnswer(none, '/subjects') },
      {
        what: `${VERSIONS.toLocaleString('en')} versions, from the snapshot`,
        measure: () => firstAnswer(many, '/schemas/ids/1'),
      },
      {
        what: `${VERSIONS.toLocaleString('en')} versions, from the log (the snapshot removed before)`,
        measure: () => {
          rmSync(snapshot);
          return firstAnswer(many, '/schemas/ids/1');
        },
      },
    ];
    const times = ways.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, { measure }] of ways.entries()) times[index]!.push(await measure());
    }
    return ways.map(({ what }, index) => {
      return { what, count: VERSIONS, ms: times[index]!.sort((a, b) => a - b)[ROUNDS >> 1]! };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
