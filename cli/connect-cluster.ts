/**
 * What a Kafka Connect cluster remembers of its connectors, read from its config and offset topics in Kafka Connect's
 * own formats (KafkaConfigBackingStore, OffsetStorageReaderImpl). Reads only; the cluster may be running or gone.
 */
import type { Cluster } from './kafka/cluster.ts';
import { readTopic } from './kafka/read.ts';

export interface RememberedOffset {
  readonly partition: Readonly<Record<string, unknown>>;
  readonly offset: Readonly<Record<string, unknown>>;
}

export interface RememberedConnector {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
  readonly state: 'RUNNING' | 'PAUSED' | 'STOPPED';
  /** Of a source; those of a sink are its consumer group's. */
  readonly offsets: readonly RememberedOffset[];
}

export interface ConnectTopics {
  readonly configTopic: string;
  readonly offsetTopic: string;
}

export async function rememberedConnectors(cluster: Cluster, topics: ConnectTopics): Promise<RememberedConnector[]> {
  const configs = await latestByKey(cluster, topics.configTopic);
  const offsets = offsetsByConnector(await latestByKey(cluster, topics.offsetTopic));
  return [...configs].flatMap(([key, text]) => {
    if (!key.startsWith(CONNECTOR)) return [];
    const name = key.slice(CONNECTOR.length);
    const properties = objectOf(objectOf(text)?.properties);
    if (properties === null) return [];
    const config = Object.fromEntries(Object.entries(properties).map(([each, value]) => [each, String(value)]));
    const state = stateOf(objectOf(configs.get(TARGET_STATE + name)));
    return [{ name, config, state, offsets: offsets.get(name) ?? [] }];
  });
}

/** ListOffsets' words for the first offset and the end. */
const EARLIEST = -2;
const LATEST = -1;
const CONNECTOR = 'connector-';
const TARGET_STATE = 'target-state-';

/** STOPPED is kept as PAUSED in the old field, and by its name in the new one (KIP-875). */
function stateOf(target: Readonly<Record<string, unknown>> | null): RememberedConnector['state'] {
  const state = target?.['state.v2'] ?? target?.state;
  return state === 'PAUSED' || state === 'STOPPED' ? state : 'RUNNING';
}

/** Keys are `[connector, partition]`. */
function offsetsByConnector(records: ReadonlyMap<string, string>): Map<string, RememberedOffset[]> {
  const offsets = new Map<string, RememberedOffset[]>();
  for (const [key, text] of records) {
    const parsed = jsonOf(key);
    const [name, partition] = Array.isArray(parsed) ? parsed : [];
    const offset = objectOf(text);
    if (typeof name !== 'string' || objectOf(partition) === null || offset === null) continue;
    offsets.set(name, [...(offsets.get(name) ?? []), { partition: objectOf(partition)!, offset }]);
  }
  return offsets;
}

/** The last value of each key; keys whose last value is null are gone. */
async function latestByKey(cluster: Cluster, name: string): Promise<Map<string, string>> {
  const topic = await cluster.topic(name);
  const partitions = topic.partitions.map(({ partition }) => partition);
  const from = await cluster.offsetsAt(topic, partitions, EARLIEST);
  const until = await cluster.offsetsAt(topic, partitions, LATEST);
  const latest = new Map<string, string>();
  for await (const records of readTopic(cluster, { topic, from, until })) {
    for (const { key, value } of records) {
      if (key === null) continue;
      latest.delete(String(Buffer.from(key)));
      if (value !== null) latest.set(String(Buffer.from(key)), String(Buffer.from(value)));
    }
  }
  return latest;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object, or the object that a text says; null for anything else. */
function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  const parsed = typeof value === 'string' ? jsonOf(value) : value;
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    ? (parsed as Record<string, unknown>)
    : null;
}
