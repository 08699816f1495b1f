/**
 * What the bench compares: a broker with a Connect worker, ours or the peer's, driven alike over REST and the Kafka protocol.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { startMillrace } from '../../test/kit/millrace.ts';
import type { PostgresAddress } from '../../test/kit/postgres.ts';

export interface House {
  readonly name: string;
  readonly kafka: string;
  readonly connect: string;
  readonly sourceClass: string;
  /** Its processes. */
  readonly pids: readonly number[];
  /** What the topic takes on disk; null where nobody asks. */
  bytesOf(topic: string): number | null;
  converter(schemas: boolean): Record<string, string>;
  sink(address: PostgresAddress & { readonly database: string }): Record<string, string>;
  stop(): Promise<void>;
}

/** CPU time all processes of a house have taken, in seconds (Linux counts in hundredths). */
export function cpuSecondsOf({ pids }: House): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/** The time of day in milliseconds, with fractions. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

const DEADLINE_MS = 3_600_000;
const LOOK_MS = 20;

/** Our own: one process. */
export async function startOurs(): Promise<House> {
  const house = await startMillrace();
  return {
    name: 'Millrace',
    kafka: house.kafka,
    connect: house.connect,
    converter: () => ({}),
    get pids() {
      return [house.pid];
    },
    sourceClass: 'PostgresSource',
    bytesOf: (topic) =>
      readdirSync(house.data, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.includes(`${topic}-`) && path.endsWith('.log'))
        .reduce((sum, path) => sum + statSync(join(house.data, path)).size, 0),
    sink: ({ host, port, user, password, database }) => ({
      'connector.class': 'PostgresSink',
      'connection.url': `postgres://${host}:${port}/${database}`,
      'connection.user': user,
      'connection.password': password,
      'table.name.format': 'orders',
    }),
    stop: () => house.remove(),
  };
}

export async function createConnector({ connect }: House, name: string, config: Record<string, string>): Promise<void> {
  const body = JSON.stringify({ name, config: { ...config, 'tasks.max': '1' } });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${connect}/connectors`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
}

/** Stopped, not deleted: its offsets stay. */
export async function setState({ connect }: House, name: string, state: 'stop' | 'resume'): Promise<void> {
  const answer = await fetch(`${connect}/connectors/${name}/${state}`, { method: 'PUT' });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
}

export async function failure({ connect }: House, name: string): Promise<string | null> {
  const status = (await (await fetch(`${connect}/connectors/${name}/status`)).json()) as {
    tasks?: { state: string; trace?: string }[];
  };
  return status.tasks?.find(({ state }) => state === 'FAILED')?.trace ?? null;
}

/** Records in the topic; 0 while there is none, or none that leads it. */
async function sizeOf(cluster: Cluster, topic: string): Promise<number> {
  try {
    const found = await cluster.topic(topic);
    const partitions = found.partitions.map(({ partition }) => partition);
    const ends = await cluster.offsetsAt(found, partitions, -1);
    return [...ends.values()].reduce((sum, end) => sum + end, 0);
  } catch {
    return 0; // The caller's deadline is the end of patience.
  }
}

/** Milliseconds from the first record behind `from` until there are `count` of them. */
export async function filling(
  house: House,
  connector: string,
  topic: string,
  from: number,
  count: number,
): Promise<number> {
  return withCluster({ brokers: house.kafka }, async (cluster) => {
    const deadline = Date.now() + DEADLINE_MS;
    let began = 0;
    for (let turn = 0; ; turn++) {
      const size = await sizeOf(cluster, topic);
      if (began === 0 && size > from) began = performance.now();
      if (size >= from + count) return performance.now() - began;
      if (turn % 100 === 99) {
        const trace = await failure(house, connector);
        if (trace !== null) throw new Error(`${connector} failed: ${trace}`);
      }
      if (Date.now() > deadline) throw new Error(`${topic} has ${size} of ${from + count} records.`);
      await sleep(LOOK_MS);
    }
  });
}

/** Follows a topic from its end; hands over every value with the time it came. */
export function follow(house: House, topic: string, onValue: (value: string, at: number) => void): { stop(): void } {
  let isStopped = false;
  void withCluster({ brokers: house.kafka }, async (cluster) => {
    const found = await cluster.topic(topic);
    const partitions = found.partitions.map(({ partition }) => partition);
    const from = await cluster.offsetsAt(found, partitions, -1);
    for await (const records of readTopic(cluster, { topic: found, from })) {
      const at = clockMs();
      for (const { value } of records) if (value !== null) onValue(value.toString(), at);
      if (isStopped) return;
    }
  }).catch((error: Error) => {
    if (!isStopped) throw error;
  });
  return {
    stop() {
      isStopped = true;
    },
  };
}
