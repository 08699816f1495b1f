/**
 * Apache Kafka's Java consumers move from the classic to the new protocol and back under load, in one group (KIP-848):
 * no partition has two readers, no record is lost, and hardly one is read twice unless the broker is killed in the middle.
 * What is tried stands in clients/java/Migration.java.
 *
 * The client comes from Maven by scripts/compat-install.sh; where it is absent each test is a listed skip, which
 * CI_REQUIRE=java turns into a failure.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokerProcess, startBrokerProcess } from '../../kit/broker-process.ts';
import { cache, skipUnlessInstalled } from './installed.ts';

const home = join(cache, 'java-4.4.0');
const skip = skipUnlessInstalled('java', join(home, 'classes/Migration.class'));

/** It takes ten to thirty seconds. */
const deadlineMs = 180_000;
/** Members hear of changes at their next heartbeat, and are missed after a session: as it ships this would take minutes. */
const config = {
  'group.consumer.heartbeat.interval.ms': '200',
  'group.consumer.session.timeout.ms': '6000',
  'group.initial.rebalance.delay.ms': '0',
};
/** After the program says what it does now, once for each of its six steps. */
const killDelaysMs = [0, 30, 120, 400, 900, 1500];

class World {
  broker: BrokerProcess;
  readonly #dataDir: string;
  #restarted: Promise<void> = Promise.resolve();

  constructor(broker: BrokerProcess, dataDir: string) {
    this.broker = broker;
    this.#dataDir = dataDir;
  }

  /** One after the other: on a loaded machine the next is due before the last is up again. */
  killAndRestart(): Promise<void> {
    this.#restarted = this.#restarted.then(async () => {
      const { port } = this.broker.address;
      await this.broker.kill();
      this.broker = await startBrokerProcess(this.#dataDir, port, config);
    });
    return this.#restarted;
  }
}

async function worldOf(t: TestContext): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-migration-'));
  const world = new World(await startBrokerProcess(dataDir, 0, config), dataDir);
  t.after(async () => {
    await world.broker.kill();
    await rm(dataDir, { recursive: true, force: true });
  });
  return world;
}

function run(world: World, args: readonly string[]): { child: ChildProcess; output: () => string } {
  const classPath = `${join(home, 'classes')}:${join(home, 'lib')}/*`;
  const { host, port } = world.broker.address;
  const command = ['-Xmx256m', '-cp', classPath, 'Migration', `${host}:${port}`, ...args];
  const child = spawn('java', command, { timeout: deadlineMs, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return { child, output: () => output };
}

for (const assignor of ['range', 'cooperative-sticky']) {
  test(
    `a roll-out and its roll-back lose nothing and read next to nothing twice (${assignor})`,
    { skip },
    async (t) => {
      const world = await worldOf(t);
      const { child, output } = run(world, [assignor]);
      const [code] = await once(child, 'close');
      assert.equal(code, 0, output());
      t.diagnostic(output().trim().split('\n').at(-1)!);
    },
  );
}

test('no record is lost either when the broker is killed in the middle of every step', { skip }, async (t) => {
  const world = await worldOf(t);
  const { child, output } = run(world, ['cooperative-sticky', 'killed']);
  const restarts: Promise<void>[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (!line.startsWith('roll')) return;
    const delayMs = killDelaysMs[restarts.length % killDelaysMs.length]!;
    restarts.push(sleep(delayMs).then(() => world.killAndRestart()));
  });
  const [code] = await once(child, 'close');
  await Promise.all(restarts);
  assert.equal(code, 0, output());
  assert.equal(restarts.length, killDelaysMs.length, output());
  t.diagnostic(output().trim().split('\n').at(-1)!);
});
