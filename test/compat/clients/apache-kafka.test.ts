/**
 * Our worker on a real Apache Kafka: the log port's keeper by its case file, and `millrace worker` as a user starts it,
 * killed in the middle. What Kafka's own console consumer would read of committed data is the judge.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { logClientCases } from '../../../runtime/log/client.cases.ts';
import { kafkaLog } from '../../../runtime/log/kafka.ts';
import { apacheKafka } from '../../kit/apache-kafka.ts';

const { service: kafka, skip } = await apacheKafka({ after });
const launcher = join(import.meta.dirname, '../../../bin/millrace');
const LINES = 3_000;
const KILLS = 3;
const DEADLINE_MS = 60_000;

if (kafka !== null) {
  logClientCases('The Kafka keeper on Apache Kafka', () => kafkaLog({ bootstrapServers: [kafka.bootstrap] }), {
    nullHeaderValues: 'kafkajs 2.2.4 measures the value of a header without asking whether it is null, and throws.',
  });
}

test(
  'a worker on an external cluster, killed again and again, brings each line of a file to another once',
  {
    skip,
    timeout: 180_000,
  },
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-external-'));
    const id = randomUUID().slice(0, 8);
    const worker = await ExternalWorker.open(dir, kafka!.bootstrap, id);
    t.after(async () => {
      await worker.kill();
      await rm(dir, { recursive: true, force: true });
    });
    const [input, output] = [join(dir, 'in.txt'), join(dir, 'out.txt')];
    const lines = Array.from({ length: LINES }, (_, index) => `line ${index} of ${id}`);
    await writeFile(input, '');
    await worker.start();
    await worker.put('source', {
      'connector.class': 'FileStreamSource',
      file: input,
      topic: `lines-${id}`,
      'batch.size': '50',
      'exactly.once.support': 'required',
      'offsets.storage.topic': `own-offsets-${id}`,
    });
    await worker.put('sink', { 'connector.class': 'FileStreamSink', file: output, topics: `lines-${id}` });
    for (let kill = 0; kill < KILLS; kill++) {
      const part = lines.slice((kill * LINES) / KILLS, ((kill + 1) * LINES) / KILLS);
      await writeFile(input, part.map((line) => `${line}\n`).join(''), { flag: 'a' });
      await sleep(300 + Math.random() * 700);
      await worker.kill();
      await worker.start();
    }
    const seen = async () => (await readFile(output, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    for (const deadline = Date.now() + DEADLINE_MS; (await seen()).length < LINES; await sleep(100)) {
      assert.ok(Date.now() < deadline, `${(await seen()).length} lines arrived. ${await worker.statuses()}`);
    }
    await sleep(500);
    assert.deepEqual(await seen(), lines);
    const { offsets } = (await worker.get('connectors/source/offsets')) as {
      offsets: { offset: { record: number } }[];
    };
    assert.equal(offsets[0]?.offset.record, LINES);
  },
);

/** `millrace worker` with a properties file, as Kafka Connect's own worker would be started. */
class ExternalWorker {
  readonly #config: string;
  #child: ChildProcess | null = null;
  #url = '';

  private constructor(config: string) {
    this.#config = config;
  }

  static async open(dir: string, bootstrap: string, id: string): Promise<ExternalWorker> {
    const config = join(dir, 'worker.properties');
    const keys = {
      'bootstrap.servers': bootstrap,
      'group.id': `external-${id}`,
      'config.storage.topic': `configs-${id}`,
      'offset.storage.topic': `offsets-${id}`,
      'status.storage.topic': `status-${id}`,
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
      // After a kill the group waits this long for the dead member.
      'consumer.session.timeout.ms': '6000',
    };
    await writeFile(
      config,
      Object.entries(keys)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    return new ExternalWorker(config);
  }

  async start(): Promise<void> {
    const args = [
      'worker',
      '--config',
      this.#config,
      '--connect-port',
      '0',
      '--output',
      'json',
      '--log-level',
      'error',
    ];
    const child = spawn(launcher, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout! }), 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error('The worker ended before it was ready.'))),
    ]);
    this.#url = (JSON.parse(String(line)) as { connect: string }).connect;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async put(name: string, config: Record<string, string>): Promise<void> {
    const response = await fetch(`${this.#url}/connectors/${name}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(config),
    });
    assert.ok(response.ok, await response.text());
  }

  async get(path: string): Promise<unknown> {
    return (await fetch(`${this.#url}/${path}`)).json();
  }

  async statuses(): Promise<string> {
    return JSON.stringify(await this.get('connectors?expand=status'));
  }
}
