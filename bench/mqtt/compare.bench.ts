/**
 * Question: how many MQTT messages of 100 bytes a second reach a durable topic, beside subscribers that store nothing?
 *
 * Each subject drains a session in which mosquitto has queued the messages of 1 or 1,000 clients, at QoS 0 or 1; nobody
 * publishes meanwhile, so that the broker only delivers. Time counts from the subject's start (Millrace: from the creation of
 * its connector) until it has everything; Millrace has it when its transactions are committed and synced to the disk. Subjects take
 * turns in each round. CPU time is that of the subject's process alone.
 * Peers: a plain MQTT.js subscriber, mosquitto_sub where it is installed (apt: mosquitto-clients), Redpanda Connect where
 * `redpanda-connect` is on the path. Those that are missing are named.
 * Run: node bench/mqtt/compare.bench.ts [--write] [rounds] (2 by default; about three minutes), needs mosquitto.
 * `--write` puts the figures into docs/benchmarks-mqtt.md.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Millrace, putConnector, startMillrace } from '../../test/kit/millrace.ts';
import { startMosquitto } from '../../test/kit/mqtt.ts';
import { cpuSeconds, pause } from '../connect/subject.ts';
import { machine } from '../report.ts';
import { awaySession, fill } from './publisher.ts';

const ROUNDS = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 2);
const MESSAGES = Number(process.env.MESSAGES ?? 200_000);
const DEADLINE_MS = 120_000;
/** Metrics cost the CPU time that is measured; a look too late costs a little of the rate. */
const LOOK_MS = 50;
const payload = Buffer.from('{"id":"truck-1","lat":47.3769,"long":8.5417}'.padEnd(100, ' '));
const document = new URL('../../docs/benchmarks-mqtt.md', import.meta.url);
const marks = {
  begin: '<!-- figures: written by bench/mqtt/compare.bench.ts --write -->',
  end: '<!-- end of figures -->',
};

interface Work {
  readonly clients: number;
  readonly qos: 0 | 1;
}

interface Figure {
  readonly ms: number;
  /** Null where the process was gone before it could be asked. */
  readonly cpuS: number | null;
}

interface Subject {
  readonly name: string;
  /** Drains the session of this client id, subscribed to this filter. */
  drain(clientId: string, filter: string, work: Work): Promise<Figure>;
}

const works: readonly Work[] = [
  { clients: 1, qos: 1 },
  { clients: 1000, qos: 1 },
  { clients: 1, qos: 0 },
  { clients: 1000, qos: 0 },
];
const broker = await startMosquitto({ queuesQos0: true });
let serial = 0;

/** A program that ends when it has all messages; asked for its CPU time while it runs. */
async function run(child: ChildProcess): Promise<Figure> {
  const began = performance.now();
  let cpuS: number | null = null;
  const timer = setInterval(() => {
    try {
      cpuS = cpuSeconds({ name: '', url: '', pid: child.pid! });
    } catch {
      // It has ended between two looks.
    }
  }, 20);
  const late = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const [code] = await once(child, 'exit');
  clearInterval(timer);
  clearTimeout(late);
  if (code !== 0) throw new Error(`A subscriber ended with ${code}.`);
  return { ms: performance.now() - began, cpuS };
}

const plain: Subject = {
  name: 'MQTT.js subscriber, stores nothing',
  drain: (clientId, _filter, { qos }) => {
    const program = fileURLToPath(new URL('subscriber.ts', import.meta.url));
    return run(spawn(process.execPath, [program, broker.url, clientId, String(qos), String(MESSAGES)]));
  },
};

const mosquittoSub: Subject = {
  name: 'mosquitto_sub, stores nothing',
  drain: (clientId, filter, { qos }) => {
    const address = ['-p', String(broker.port), '-i', clientId, '-c'];
    const args = [...address, '-q', String(qos), '-t', filter, '-C', String(MESSAGES)];
    return run(spawn('mosquitto_sub', args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  },
};

/** Millrace as a user starts it, one process for all rounds; each drain is a connector and a topic of its own. */
function millrace(house: Millrace): Subject {
  return {
    name: 'Millrace, durable',
    drain: async (clientId, filter, { qos }) => {
      const subject = { name: 'Millrace', url: house.connect, pid: house.pid };
      const cpuBefore = cpuSeconds(subject);
      const began = performance.now();
      await putConnector(house, clientId, {
        'connector.class': 'MqttSource',
        'mqtt.server.uri': broker.url,
        'mqtt.client.id': clientId,
        'mqtt.topics': filter,
        'mqtt.qos': String(qos),
        'kafka.topic': clientId,
        'value.converter': 'ByteArrayConverter',
        'key.converter': 'StringConverter',
      });
      await until(async () => (await written(house, clientId)) >= MESSAGES);
      const figure = { ms: performance.now() - began, cpuS: cpuSeconds(subject) - cpuBefore };
      await fetch(`${house.connect}/connectors/${clientId}`, { method: 'DELETE' });
      return figure;
    },
  };
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('Not everything arrived in time.');
    await pause(LOOK_MS);
  }
}

/** Records of this connector that are committed. */
async function written(house: Millrace, connector: string): Promise<number> {
  const text = await (await fetch(`${house.console}/metrics`)).text();
  const line = new RegExp(
    `^kafka_connect_source_task_source_record_write_total\\{[^}]*"${connector}"[^}]*\\} (\\d+)`,
    'm',
  );
  return Number(line.exec(text)?.[1] ?? 0);
}

function isInstalled(command: string): boolean {
  return spawnSync(command, ['--help'], { stdio: 'ignore' }).error === undefined;
}

async function measure(subject: Subject, work: Work): Promise<Figure> {
  const clientId = `bench-${process.pid}-${serial++}`;
  await awaySession(broker.port, clientId, `${clientId}/#`, work.qos);
  await fill({ ...work, port: broker.port, messages: MESSAGES, prefix: clientId, payload });
  return subject.drain(clientId, `${clientId}/#`, work);
}

const medianOf = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

function row(work: Work, subject: Subject, figures: readonly Figure[], first: number): string {
  const rate = MESSAGES / (medianOf(figures.map(({ ms }) => ms)) / 1000);
  const cpu = figures.map(({ cpuS }) => cpuS).filter((cpuS) => cpuS !== null);
  const perCpu = cpu.length === 0 ? '–' : Math.round(MESSAGES / medianOf(cpu)).toLocaleString('en');
  const what = `${work.clients.toLocaleString('en')} client${work.clients === 1 ? '' : 's'}, QoS ${work.qos}`;
  const share = rate / (MESSAGES / (first / 1000));
  return `| ${what} | ${subject.name} | ${Math.round(rate).toLocaleString('en')} | ${share.toFixed(2)} | ${perCpu} |`;
}

const house = await startMillrace();
try {
  const installed = isInstalled('mosquitto_sub') ? [mosquittoSub] : [];
  const ours = millrace(house);
  const subjects = [plain, ...installed, ours];
  await measure(ours, works[0]!);
  const missing = [
    ...(installed.length > 0 ? [] : ['mosquitto_sub is not installed here (apt: mosquitto-clients).']),
    ...(isInstalled('redpanda-connect') ? [] : ['Redpanda Connect is not installed here.']),
  ];
  const rows: string[] = [];
  for (const work of works) {
    const figures = new Map<Subject, Figure[]>(subjects.map((subject) => [subject, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of subjects) figures.get(subject)!.push(await measure(subject, work));
    }
    const first = medianOf(figures.get(plain)!.map(({ ms }) => ms));
    for (const subject of subjects) {
      rows.push(row(work, subject, figures.get(subject)!, first));
      console.log(rows.at(-1));
    }
  }
  const load = `load ${loadavg()[1]!.toFixed(1)}`;
  const table = [
    `${machine()} · mosquitto · ${MESSAGES.toLocaleString('en')} messages of 100 bytes, median of ${ROUNDS} · ${load}`,
    '',
    '| what | subject | messages/s | of MQTT.js | messages per CPU second |',
    '|---|---|---:|---:|---:|',
    ...rows,
    '',
    ...missing,
  ].join('\n');
  if (process.argv.includes('--write')) {
    const page = readFileSync(document, 'utf8');
    const [from, to] = [page.indexOf(marks.begin) + marks.begin.length, page.indexOf(marks.end)];
    writeFileSync(document, `${page.slice(0, from)}\n\n${table.trimEnd()}\n\n${page.slice(to)}`);
  } else console.log(`\n${table}`);
} finally {
  await house.remove();
  await broker.stop();
}
