/**
 * `millrace sim fleet`: a simulated fleet that reports to an MQTT broker, to a topic or to stdout, by the clock or as
 * fast as they take it.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Delivery, type Faults, type FleetRules, noFaults, payloadOf } from '../connectors/sim/fleet.ts';
import { FleetStream } from '../connectors/sim/fleet-stream.ts';
import { truckId } from '../connectors/sim/truck.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, withOutput } from './io.ts';
import { withBrokers, withCluster } from './kafka/cluster.ts';
import { TopicWriter } from './kafka/write.ts';

interface Options {
  readonly brokers: string;
  readonly output: OutputFormat;
  readonly topic?: string;
  readonly mqtt?: string;
  readonly mqttTopic: string;
  readonly connections: number;
  readonly trucks: number;
  readonly seed: number;
  readonly interval: number;
  readonly speed: number;
  readonly start?: number;
  readonly reports: number;
  readonly faults: Faults;
  readonly quiet?: boolean;
}

const BATCH = 1000;
const REST_MS_MAX = 500;
const PUBLISH_DEADLINE_MS = 60_000;

export function define(command: Command): void {
  command.option('--mqtt <url>', 'report to this MQTT broker, QoS 1');
  command.option('--mqtt-topic <topic>', 'where; {id} is the truck', 'trucks/{id}/gps');
  command.option('--connections <n>', 'MQTT connections that the trucks share', wholeNumber, 1);
  command.option('-t, --topic <topic>', 'report to this topic, keyed by truck');
  command.option('--trucks <n>', 'how many drive', wholeNumber, 100);
  command.option('--seed <n>', 'the same seed gives the same fleet', wholeNumber, 1);
  command.option('--interval <ms>', 'simulated time between two reports of a truck', wholeNumber, 20_000);
  command.option('--speed <factor>', 'how fast simulated time passes; max: as fast as it is taken', parseSpeed, 1);
  command.option('--start <time>', 'when the simulated world begins (default: now)', parseTime);
  command.option('--reports <n>', 'each truck ends after so many', wholeNumber, Number.POSITIVE_INFINITY);
  command.option(
    '--faults <list>',
    'tunnel=0.01,duplicate=0.01,late=0.01,bad=0.01,skew=0.1,new-field=50',
    parseFaults,
    noFaults,
  );
  command.option('-q, --quiet', 'no summary on stderr');
  withOutput(withBrokers(command)).action(fleet);
}

async function fleet(options: Options): Promise<void> {
  if (options.mqtt !== undefined && options.topic !== undefined) {
    throw new CliError('USAGE', 'Both an MQTT broker and a topic were named.', { next: 'Keep --mqtt or --topic.' });
  }
  const startMs = options.start ?? Math.floor(Date.now() / options.interval) * options.interval;
  const { seed, trucks, interval: intervalMs, faults } = options;
  const rules: FleetRules = { seed, trucks, intervalMs, startMs, faults };
  const sent =
    options.mqtt !== undefined
      ? await overMqtt(options.mqtt, options, rules)
      : options.topic !== undefined
        ? await toTopic(options.topic, options, rules)
        : await toStdout(options, rules);
  if (options.mqtt === undefined && options.topic === undefined) return;
  if (options.output !== 'table') printObject(options.output, { reports: sent });
  else if (!options.quiet) notice(`${sent} reports of ${trucks} trucks were acknowledged.`);
}

/** Deliveries as they fall due, in batches; ends when each truck has made its last. */
async function* due(options: Options, rules: FleetRules): AsyncGenerator<readonly Delivery[]> {
  const stream = new FleetStream(rules, { reportsMax: options.reports });
  const beganMs = Date.now();
  // No report is under way longer than ten intervals.
  const endMs = rules.startMs + (options.reports + 11) * rules.intervalMs;
  for (;;) {
    const nowMs = Math.min(endMs, rules.startMs + (Date.now() - beganMs) * options.speed);
    const batch = stream.take(Number.isNaN(nowMs) ? endMs : nowMs, BATCH);
    if (batch.length > 0) yield batch;
    else if (stream.nextMs() >= endMs) return;
    else await sleep(Math.min(REST_MS_MAX, Math.max(1, (stream.nextMs() - nowMs) / options.speed)));
  }
}

async function overMqtt(url: string, options: Options, rules: FleetRules): Promise<number> {
  const { default: mqtt } = await import('mqtt');
  const connect = (index: number) =>
    mqtt
      .connectAsync(url, { clientId: `millrace-fleet-${rules.seed}-${index}`, reconnectPeriod: 500 })
      .catch((cause) => {
        throw new CliError('UNREACHABLE', `No MQTT broker answers at ${url}.`, { cause, next: 'Check --mqtt.' });
      });
  const clients = await Promise.all(Array.from({ length: options.connections }, (_, index) => connect(index)));
  // Reconnecting is the client's business; without a listener an error would end the fleet.
  for (const client of clients) client.on('error', () => undefined);
  let sent = 0;
  try {
    for await (const batch of due(options, rules)) {
      const late = AbortSignal.timeout(PUBLISH_DEADLINE_MS);
      const published = batch.map(({ truck, seq }) =>
        clients[truck % clients.length]!.publishAsync(
          options.mqttTopic.replaceAll('{id}', truckId(truck)),
          payloadOf(rules, truck, seq).text,
          { qos: 1 },
        ),
      );
      await Promise.race([Promise.all(published), refusal(late, url)]);
      sent += batch.length;
    }
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
  }
  return sent;
}

async function refusal(late: AbortSignal, url: string): Promise<never> {
  await once(late, 'abort');
  throw new CliError(
    'TIMEOUT',
    `The MQTT broker at ${url} did not acknowledge within ${PUBLISH_DEADLINE_MS / 1000} s.`,
  );
}

async function toTopic(name: string, options: Options, rules: FleetRules): Promise<number> {
  return withCluster(options, async (cluster) => {
    const writer = new TopicWriter(cluster, await cluster.topic(name), { acks: -1, codec: 'none' });
    for await (const batch of due(options, rules)) {
      for (const { truck, seq, atMs } of batch) {
        const value = Buffer.from(payloadOf(rules, truck, seq).text);
        const key = Buffer.from(truckId(truck));
        await writer.write({ key, value, headers: [], timestamp: Math.round(atMs) }, null);
      }
      await writer.flush();
    }
    return writer.acknowledged;
  });
}

async function toStdout(options: Options, rules: FleetRules): Promise<number> {
  let sent = 0;
  for await (const batch of due(options, rules)) {
    const text = batch.map(({ truck, seq }) => `${payloadOf(rules, truck, seq).text}\n`).join('');
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    sent += batch.length;
  }
  return sent;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text.trim()) && number > 0) return number;
  throw new CliError('USAGE', `"${text}" is no whole number from 1.`);
}

function parseSpeed(text: string): number {
  const speed = text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  if (speed > 0) return speed;
  throw new CliError('USAGE', `"${text}" is no speed.`, { next: 'Give a factor such as 60, or max.' });
}

function parseTime(text: string): number {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new CliError('USAGE', `"${text}" is no time.`, { next: 'Write it as 2026-01-01T00:00:00Z.' });
}

const faultNames: Readonly<Record<string, keyof Faults>> = {
  tunnel: 'tunnel',
  duplicate: 'duplicate',
  late: 'late',
  bad: 'bad',
  skew: 'skew',
  'new-field': 'newFieldAt',
};

function parseFaults(text: string): Faults {
  const faults: Record<keyof Faults, number> = { ...noFaults };
  for (const item of text.split(',')) {
    const [name = '', value = ''] = item.split('=').map((part) => part.trim());
    const fault = faultNames[name];
    const number = Number(value);
    const isRight = fault === 'newFieldAt' ? Number.isInteger(number) && number >= 0 : number >= 0 && number <= 1;
    if (fault === undefined || value === '' || !isRight) {
      throw new CliError('USAGE', `"${item}" is no fault.`, {
        next: `Use ${Object.keys(faultNames).join(', ')}, each with a share from 0 to 1 (new-field: a report number).`,
      });
    }
    faults[fault] = number;
  }
  return faults;
}
