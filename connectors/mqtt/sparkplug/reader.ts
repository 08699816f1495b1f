/**
 * From a Sparkplug message to what becomes records: decoded, with names in the place of aliases and flags in the place of
 * silence. Step 1 of the record's journey, between the MQTT message and its routing.
 *
 * Births are kept as source offsets of partitions of their own, so that a restart knows them; they are as durable as the
 * records beside them.
 */
import type { ConnectValue, SourceOffset, SourcePartition } from '../../api/index.ts';
import { badPayload } from '../errors.ts';
import { type Finding, SparkplugNodes } from './nodes.ts';
import { decodePayload, type SparkplugPayload } from './payload.ts';
import { type Address, addressId, nodeId, parseTopic } from './topic.ts';
import { jsonMetric } from './values.ts';

type Json = { [member: string]: ConnectValue };

/** One record to be. */
export interface SparkplugItem {
  /** `GROUP/NODE[/DEVICE]`, in records per metric with the metric's name behind it: the key by default. */
  readonly id: string;
  readonly value: Json;
  readonly sourcePartition: SourcePartition;
  readonly sourceOffset: SourceOffset;
  readonly isBirth: boolean;
}

/** Member of a source partition that holds a birth, and of one that holds how far a node has come. */
const BIRTH = 'sparkplug.birth';
const SEQ = 'sparkplug.seq';

export class SparkplugReader {
  readonly #nodes = new SparkplugNodes();
  readonly #clientId: string;
  readonly #isPerMetric: boolean;
  readonly #wantRebirth: (node: string) => void;

  constructor(clientId: string, isPerMetric: boolean, wantRebirth: (node: string) => void) {
    this.#clientId = clientId;
    this.#isPerMetric = isPerMetric;
    this.#wantRebirth = wantRebirth;
  }

  /** What earlier runs kept; answers how many births it knows then. */
  restore(kept: readonly { readonly partition: SourcePartition; readonly offset: SourceOffset }[]): number {
    const own = kept.filter(({ partition }) => partition['mqtt.client.id'] === this.#clientId);
    // A node's path has one slash, a device's two: nodes come first.
    const births = own.filter(({ partition }) => typeof partition[BIRTH] === 'string');
    births.sort((a, b) => slashes(a.partition[BIRTH]) - slashes(b.partition[BIRTH]));
    for (const { partition, offset } of births) this.#nodes.restore(addressOf(partition[BIRTH] as string), offset);
    for (const { partition, offset } of own) {
      const node = partition[SEQ];
      if (typeof node === 'string') this.#nodes.restoreSeq(addressOf(node), offset);
    }
    return births.length;
  }

  /** Throws DataError when the message is none of Sparkplug's. */
  items(topic: string, bytes: Buffer, isRepeated: boolean): readonly SparkplugItem[] {
    const address = parseTopic(topic);
    if (address === null) throw badPayload(topic, 'is not on a topic of Sparkplug B, as value.format=sparkplug asks');
    if (address.type === 'STATE') return [this.#hostItem(address.host, topic, bytes)];
    const payload = decoded(topic, bytes);
    const known = address.type === 'NDEATH' ? this.#nodes.metricsOf({ ...address, device: null }) : [];
    const finding = this.#nodes.take(address, payload, isRepeated);
    if (finding.needsRebirth) this.#wantRebirth(nodeId(address));
    const value = this.#valueOf(address, payload, finding);
    const isDeath = address.type === 'DDEATH' || (address.type === 'NDEATH' && !finding.isOutdated);
    const items = this.#isPerMetric
      ? isDeath
        ? this.#lastWords(address, value)
        : this.#perMetric(address, value)
      : [this.#item(address, addressId(address), value)];
    if (known.length === 0 && finding.lostDevices.length === 0) return items;
    return [...items, ...finding.lostDevices.flatMap((device) => this.#lostDevice(address, device, value))];
  }

  #valueOf(address: Address, payload: SparkplugPayload, finding: Finding): Json {
    const value: Json = {
      type: address.type,
      group: address.group,
      node: address.node,
      device: address.device,
      timestamp: payload.timestamp,
      seq: payload.seq,
      stale: finding.isStale,
    };
    if (finding.hasGap) value.gap = true;
    if (finding.isOutdated) value.outdated = true;
    value.metrics = payload.metrics.map((metric) => {
      const found = this.#nodes.resolve(address, metric);
      return jsonMetric(metric, found?.name ?? null, found?.datatype ?? metric.datatype);
    });
    return value;
  }

  /** The node is gone, so its device is: said in the words of a death of its own. */
  #lostDevice(node: Address, device: string, { timestamp }: Json): readonly SparkplugItem[] {
    const address: Address = { ...node, type: 'DDEATH', device };
    const { group, node: name } = address;
    const value: Json = {
      type: 'DDEATH',
      group,
      node: name,
      device,
      timestamp: timestamp ?? null,
      seq: null,
      stale: true,
      derived: true,
      metrics: [],
    };
    return this.#isPerMetric ? this.#lastWords(address, value) : [this.#item(address, addressId(address), value)];
  }

  #perMetric(address: Address, { metrics, ...rest }: Json): readonly SparkplugItem[] {
    const id = addressId(address);
    return (metrics as Json[]).map((metric) =>
      this.#item(address, `${id}/${metric.name ?? `#${metric.alias ?? ''}`}`, { ...rest, ...timed(metric, rest) }),
    );
  }

  /** A death, told of each metric: its value is no longer known. */
  #lastWords(address: Address, { metrics: _, ...rest }: Json): readonly SparkplugItem[] {
    const id = addressId(address);
    const known = this.#nodes.metricsOf(address);
    if (known.length === 0) return [this.#item(address, id, rest)];
    return known.map(({ name }) => this.#item(address, `${id}/${name}`, { ...rest, name, value: null }));
  }

  #hostItem(host: string, topic: string, bytes: Buffer): SparkplugItem {
    const value: Json = { type: 'STATE', host, ...hostState(topic, bytes) };
    const sourcePartition = { 'mqtt.client.id': this.#clientId, 'sparkplug.host': host };
    return { id: `STATE/${host}`, value, sourcePartition, sourceOffset: { online: value.online }, isBirth: false };
  }

  #item(address: Address, id: string, value: Json): SparkplugItem {
    const isBirth = value.type === 'NBIRTH' || value.type === 'DBIRTH';
    const kept = isBirth ? this.#nodes.birthOffset(address) : null;
    const place = kept === null ? { [SEQ]: nodeId(address) } : { [BIRTH]: addressId(address) };
    const sourcePartition = { 'mqtt.client.id': this.#clientId, ...place };
    return { id, value, sourcePartition, sourceOffset: kept ?? this.#nodes.seqOffset(address), isBirth };
  }
}

function decoded(topic: string, bytes: Buffer): SparkplugPayload {
  try {
    return decodePayload(bytes);
  } catch (error) {
    throw badPayload(topic, `is no Sparkplug B payload: ${(error as Error).message}`, error);
  }
}

/** A metric without a time of its own has its message's. */
function timed(metric: Json, { timestamp }: Json): Json {
  return metric.timestamp === undefined ? { ...metric, timestamp: timestamp ?? null } : metric;
}

/** JSON since Sparkplug 3.0, the words ONLINE and OFFLINE before. */
function hostState(topic: string, bytes: Buffer): Json {
  const text = bytes.toString();
  if (text === 'ONLINE' || text === 'OFFLINE') return { online: text === 'ONLINE', timestamp: null };
  try {
    const { online, timestamp } = JSON.parse(text) as { online: boolean; timestamp?: number };
    return { online: online === true, timestamp: timestamp ?? null };
  } catch (error) {
    throw badPayload(topic, `is no state of a host: ${(error as Error).message}`, error);
  }
}

function slashes(path: unknown): number {
  return String(path).split('/').length;
}

function addressOf(path: string): { group: string; node: string; device: string | null } {
  const [group = '', node = '', device = null] = path.split('/');
  return { group, node, device };
}
