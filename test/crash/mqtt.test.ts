/**
 * MQTT to the log through every accident: killed with SIGKILL in each window, the network cut, the MQTT broker gone and back,
 * the log slow, its disk full. A simulated fleet numbers its reports, so its verifier finds whatever is missing, double or
 * out of order.
 *
 * Promised from a broker that marks what it sends again: each report once, in the order of its truck. Without transactions:
 * each report once or more.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../../broker/broker.ts';
import { MemoryFileSystem } from '../../broker/fs/memory.ts';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { catalogue } from '../../connectors/catalogue.ts';
import { truckId } from '../../connectors/sim/truck.ts';
import { FleetVerifier, type Verdict } from '../../connectors/sim/verifier.ts';
import type { LogClient, LogProducer, TransactionalProducer } from '../../runtime/log/client.ts';
import { startWorker } from '../../runtime/worker-server.ts';
import { FaultyMqttBroker } from '../kit/mqtt5.ts';
import { errorsOnly, replaced } from './windows.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const program = join(here, 'source-process.ts');
const launcher = join(here, '..', '..', 'bin', 'millrace');
const TRUCKS = 20;
const REPORTS = 40;
const DEADLINE_MS = 60_000;
const CLIENT = 'fleet-0';

const configFor = (url: string) => ({
  'connector.class': 'MqttSource',
  'mqtt.server.uri': url,
  'mqtt.client.id': CLIENT,
  'mqtt.topics': 'trucks/#',
  'kafka.topic': 'lines',
  'value.format': 'string',
  'value.converter': 'StringConverter',
  'key.converter': 'StringConverter',
  'records.buffer.queue.max.batch.size': '20',
});

const reportOf = (truck: number, seq: number) => JSON.stringify({ id: truckId(truck), seq });

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    await sleep(20);
  }
}

async function verdictOf(brokers: string): Promise<Verdict> {
  const judge = new FleetVerifier();
  await withCluster({ brokers }, async (cluster) => {
    const topic = await cluster.topic('lines');
    const from = await cluster.offsetsAt(topic, [0], -2);
    const end = await cluster.offsetsAt(topic, [0], -1);
    for await (const records of readTopic(cluster, { topic, from, until: end })) {
      for (const { value } of records) judge.addPayload(value!.toString());
    }
  });
  return judge.verdict();
}

/** The command a user would run: its exit code. */
async function simVerify(brokers: string, allowed: readonly string[]): Promise<number | null> {
  const expected = ['--trucks', String(TRUCKS), '--reports', String(REPORTS)];
  const args = ['sim', 'verify', '--brokers', brokers, '--topic', 'lines', ...expected, ...allowed];
  const child = spawn(launcher, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  return code;
}

interface Case {
  readonly support: 'enabled' | 'disabled';
  readonly windows: readonly string[];
  readonly allowed: readonly string[];
}

const cases: readonly Case[] = [
  {
    support: 'enabled',
    windows: [
      'after poll',
      'while appending',
      'after append',
      'before commit',
      'after commit',
      'before the source is told',
    ],
    allowed: [],
  },
  {
    support: 'disabled',
    windows: ['after poll', 'after append', 'before the source is told'],
    allowed: ['--allow', 'duplicates,disorder'],
  },
];

for (const { support, windows, allowed } of cases) {
  const promise = support === 'enabled' ? 'once' : 'at least once';
  it(
    `killed between receipt and acknowledgement, again and again: every report ${promise}`,
    { timeout: 240_000 },
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'millrace-mqtt-kill-'));
      const mqtt = await FaultyMqttBroker.start();
      const start = (window: string): ChildProcess => {
        const args = [program, join(dir, 'data'), JSON.stringify(configFor(mqtt.url)), window, '2', support];
        return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      };
      const sendTo = publisher(mqtt);
      try {
        await sessionMade(start('none'), mqtt);
        for (const [index, window] of windows.entries()) {
          // A share of the fleet's reports for each life, so that every window is reached with something on its way.
          sendTo(Math.ceil((REPORTS * (index + 1)) / (windows.length + 1)));
          const child = start(window);
          const tooLate = setTimeout(() => child.kill('SIGTERM'), DEADLINE_MS);
          const [, signal] = await once(child, 'exit');
          clearTimeout(tooLate);
          assert.equal(signal, 'SIGKILL', `the window "${window}" was not reached`);
        }
        sendTo(REPORTS);
        const child = start('none');
        try {
          const [port] = await once(child.stdout!, 'data');
          const brokers = `127.0.0.1:${String(port).trim()}`;
          await until('acknowledged', () => mqtt.owed(CLIENT) === 0);
          assert.equal(await simVerify(brokers, allowed), 0);
        } finally {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
      } finally {
        await mqtt.halt();
        await rm(dir, { recursive: true, force: true });
      }
    },
  );
}

/** Publishes every truck's reports up to a number, those that were not yet. */
function publisher(mqtt: FaultyMqttBroker): (upTo: number) => void {
  let sent = 0;
  return (upTo) => {
    for (; sent < upTo; sent++) {
      for (let truck = 0; truck < TRUCKS; truck++) {
        mqtt.publish(`trucks/${truckId(truck)}/gps`, reportOf(truck, sent + 1));
      }
    }
  };
}

/** A first life that only subscribes: from then on the broker keeps what is published. */
async function sessionMade(child: ChildProcess, mqtt: FaultyMqttBroker): Promise<void> {
  await until('subscribed', () => mqtt.subscriptions.length > 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Stands between us and the MQTT broker; can be cut, and stay cut. */
async function network(t: TestContext, port: number) {
  const sockets = new Set<Socket>();
  let isUp = true;
  const server = createServer((socket) => {
    const onward = createConnection({ port, host: '127.0.0.1' });
    for (const each of [socket, onward]) {
      sockets.add(each);
      each.on('error', () => undefined);
      each.on('close', () => {
        sockets.delete(each);
        socket.destroy();
        onward.destroy();
      });
    }
    if (!isUp) socket.destroy();
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    isUp = false;
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return {
    url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`,
    cut,
    mend: () => {
      isUp = true;
    },
  };
}

/** A worker on the real broker over a disk that can be filled, a fleet that goes on reporting, and an MQTT broker. */
async function scene(t: TestContext) {
  const mqtt = await FaultyMqttBroker.start();
  t.after(() => mqtt.halt());
  const line = await network(t, mqtt.port);
  const fs = new MemoryFileSystem();
  const silent = { ...errorsOnly, error() {}, child: () => silent };
  const broker = await startBroker({ dataDir: '/data', port: 0, logger: silent, fs });
  const slowness = { ms: 0 };
  const slowed = <P extends LogProducer>(producer: P): P =>
    replaced(producer as LogProducer, {
      send: async (records) => {
        await sleep(slowness.ms);
        return producer.send(records);
      },
    }) as P;
  const slowedTransactions = (producer: TransactionalProducer): TransactionalProducer =>
    replaced(slowed(producer), {
      sendAndCommit: (batches) => {
        const begun = sleep(slowness.ms).then(() => producer.sendAndCommit!(batches));
        return { written: begun.then(({ written }) => written), committed: begun.then(({ committed }) => committed) };
      },
    });
  const log: LogClient = inProcessLog(broker);
  const running = await startWorker({
    log: replaced(log, {
      producer: (options) => slowed(log.producer(options)),
      transactionalProducer: async (options) => slowedTransactions(await log.transactionalProducer(options)),
    }),
    plugins: catalogue,
    host: '127.0.0.1',
    port: 0,
    logger: silent,
    config: { 'offset.flush.interval.ms': '100' },
  });
  t.after(async () => {
    await running.stop();
    await broker.stop();
  });
  const tight = { 'mqtt.inflight.max': '40', 'mqtt.keepalive.interval.seconds': '1', 'restart.backoff.ms': '100' };
  await running.worker.put('fleet', { ...configFor(line.url), ...tight });
  await until('subscribed', () => mqtt.subscriptions.length > 0);
  const send = publisher(mqtt);
  const brokers = `127.0.0.1:${broker.address.port}`;
  return {
    mqtt,
    line,
    fs,
    slowness,
    send,
    state: () => running.worker.taskStatus('fleet', 0).state,
    arrived: async () => (await verdictOf(brokers).catch(() => null))?.reports ?? 0,
    /** All of the fleet's reports, once and in order. */
    finish: async () => {
      send(REPORTS);
      await until('all acknowledged', () => mqtt.isConnected(CLIENT) && mqtt.owed(CLIENT) === 0);
      const { missing, duplicates, outOfOrder, reports } = await verdictOf(brokers);
      assert.deepEqual(
        { missing, duplicates, outOfOrder, reports },
        { missing: 0, duplicates: 0, outOfOrder: 0, reports: TRUCKS * REPORTS },
      );
    },
  };
}

it('the network is cut five times in the middle of reports: each comes once', { timeout: 240_000 }, async (t) => {
  const { mqtt, line, send, finish } = await scene(t);
  for (let cut = 1; cut <= 5; cut++) {
    send(cut * 6);
    await sleep(20 * cut);
    line.cut();
    await sleep(50);
    line.mend();
    await until('back', () => mqtt.isConnected(CLIENT));
  }
  await finish();
});

it('the MQTT broker is restarted with messages in its queues: each comes once', { timeout: 240_000 }, async (t) => {
  const { mqtt, send, finish } = await scene(t);
  for (let restart = 1; restart <= 3; restart++) {
    send(restart * 8);
    await sleep(30);
    await mqtt.halt();
    await mqtt.resume();
    await until('back', () => mqtt.isConnected(CLIENT));
  }
  await finish();
});

it(
  'the log is slow: the session is parked instead of dying by its keepalive, and nothing is lost',
  { timeout: 240_000 },
  async (t) => {
    const { mqtt, slowness, send, arrived, finish } = await scene(t);
    send(2);
    await until('something arrived', async () => (await arrived()) > 0);
    slowness.ms = 2_000;
    const connects = mqtt.connects.length;
    send(REPORTS - 1);
    await until('parked', () => !mqtt.isConnected(CLIENT));
    assert.ok(mqtt.owed(CLIENT) > 0, 'the broker keeps what we have no room for');
    await until('and back', () => mqtt.connects.length > connects);
    slowness.ms = 0;
    await finish();
  },
);

it(
  'the disk of the log is full: messages wait at the MQTT broker, and go on when there is room',
  { timeout: 240_000 },
  async (t) => {
    const { mqtt, fs, send, state, arrived, finish } = await scene(t);
    send(2);
    await until('something arrived', async () => (await arrived()) === 2 * TRUCKS && mqtt.owed(CLIENT) === 0);
    const capacity = fs.capacityBytes;
    fs.capacityBytes = 1;
    send(REPORTS - 1);
    await sleep(2_000);
    assert.equal(state(), 'RUNNING');
    assert.equal(await arrived(), 2 * TRUCKS, 'nothing is written, and nothing pretended');
    assert.ok(mqtt.owed(CLIENT) >= (REPORTS - 3) * TRUCKS, 'nothing was acknowledged that is not written');
    fs.capacityBytes = capacity;
    await finish();
  },
);
