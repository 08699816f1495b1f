/**
 * What we know of the edge nodes and their devices: who is alive, what their aliases mean, which sequence number comes next.
 *
 * Data messages name metrics by alias only, so they can be read by nobody who missed the birth. What is known is therefore
 * kept with the source offsets (a compacted topic), and where it is not enough the caller is told to ask for a rebirth.
 * Pure; on the record's journey between step 1's message and its record.
 */
import type { SourceOffset } from '../../api/index.ts';
import type { Integer, Metric, SparkplugPayload } from './payload.ts';
import { type Address, nodeId } from './topic.ts';

/** What a birth says of one metric. */
export interface MetricDefinition {
  readonly name: string;
  readonly datatype: number | null;
}

/** A node or one of its devices. */
class Member {
  isOnline = true;
  readonly metrics = new Map<string, MetricDefinition>();
  readonly aliases = new Map<string, MetricDefinition>();

  learn(name: string, alias: Integer | string | null, datatype: number | null): void {
    const definition = { name, datatype };
    this.metrics.set(name, definition);
    if (alias !== null) this.aliases.set(String(alias), definition);
  }
}

class Node {
  readonly own = new Member();
  readonly devices = new Map<string, Member>();
  /** The last sequence number seen; null when any may come next. */
  seq: number | null = null;
  bdSeq: string | null = null;
  /** The time of its birth, which tells one life from another. 64-bit numbers are kept as text, so that JSON changes none. */
  bornAt: string | null = null;
  /** Its devices that died while it lives. */
  readonly gone = new Set<string>();
  /** A number was left out: something of this life was missed. */
  hasGap = false;
}

/** What a message means, beside what it says. */
export interface Finding {
  /** Its values cannot be trusted to be current: a death, or data of somebody not known to be alive. */
  readonly isStale: boolean;
  /** A message was missed in this life of the node. */
  readonly hasGap: boolean;
  /** What was left out is to be asked for. */
  readonly needsRebirth: boolean;
  /** A will of an earlier life, sent late: it says nothing of this one. */
  readonly isOutdated: boolean;
  /** Devices that are gone because their node is. */
  readonly lostDevices: readonly string[];
}

const nothing: Finding = { isStale: false, hasGap: false, needsRebirth: false, isOutdated: false, lostDevices: [] };

/** More nodes than one broker serves; beyond it the one heard of first is forgotten, and asked for a rebirth when it speaks. */
const NODES_MAX = 65_536;
/** A birth that would take more than this as JSON is not kept over a restart: the log bounds a record. */
const KEPT_BYTES_MAX = 512 * 1024;

export class SparkplugNodes {
  readonly #nodes = new Map<string, Node>();

  /** Takes one message into account. Commands change nothing. `isRepeated`: the broker may be sending it again. */
  take(address: Address, payload: SparkplugPayload, isRepeated = false): Finding {
    switch (address.type) {
      case 'NBIRTH':
        return this.#born(address, payload);
      case 'NDEATH':
        return this.#died(address, payload);
      case 'NCMD':
      case 'DCMD':
        return nothing;
      default:
        return this.#spoke(address, payload, isRepeated);
    }
  }

  /** Name and type of a metric, from the message or from the birth; null when neither knows. */
  resolve(address: Pick<Address, 'group' | 'node' | 'device'>, metric: Metric): MetricDefinition | null {
    const member = this.#member(address);
    if (metric.name !== null) {
      return { name: metric.name, datatype: metric.datatype ?? member?.metrics.get(metric.name)?.datatype ?? null };
    }
    if (metric.alias === null) return null;
    const known = member?.aliases.get(String(metric.alias));
    return known === undefined ? null : { name: known.name, datatype: metric.datatype ?? known.datatype };
  }

  /** The metrics a birth announced. */
  metricsOf(address: Pick<Address, 'group' | 'node' | 'device'>): readonly MetricDefinition[] {
    return [...(this.#member(address)?.metrics.values() ?? [])];
  }

  /** What to keep of a birth, so that {@link restore} knows it again; null when it is too much. */
  birthOffset(address: Address): SourceOffset | null {
    const node = this.#nodes.get(nodeId(address));
    const member = this.#member(address);
    if (node === undefined || member === undefined) return null;
    const aliasOf = new Map([...member.aliases].map(([alias, { name }]) => [name, alias]));
    const metrics = [...member.metrics.values()].map(({ name, datatype }) => [
      name,
      aliasOf.get(name) ?? null,
      datatype,
    ]);
    const offset = { bornAt: node.bornAt, bdSeq: node.bdSeq, seq: node.seq, metrics };
    return JSON.stringify(offset).length > KEPT_BYTES_MAX ? null : offset;
  }

  /** What to keep of every other message: how far its node has come. */
  seqOffset(address: Address): SourceOffset {
    const node = this.#nodes.get(nodeId(address));
    return {
      bornAt: node?.bornAt ?? null,
      seq: node?.seq ?? null,
      ...(node?.own.isOnline === false ? { isOnline: false } : {}),
      ...(node?.hasGap === true ? { hasGap: true } : {}),
      ...(node !== undefined && node.gone.size > 0 ? { gone: [...node.gone] } : {}),
    };
  }

  /** Gives back what was kept of a birth. Nodes before their devices; {@link restoreSeq} after both. */
  restore({ group, node: name, device }: Pick<Address, 'group' | 'node' | 'device'>, offset: SourceOffset): void {
    const id = nodeId({ group, node: name });
    const node = device === null ? new Node() : this.#nodes.get(id);
    // A device whose node is not known was born in a life we know nothing of.
    if (node === undefined) return;
    if (device === null) {
      node.bornAt = offset.bornAt as string | null;
      node.bdSeq = offset.bdSeq as string | null;
      this.#nodes.set(id, node);
    } else if (offset.bornAt !== node.bornAt) return;
    const member = device === null ? node.own : new Member();
    if (device !== null) node.devices.set(device, member);
    for (const [metric, alias, datatype] of offset.metrics as [string, string | null, number | null][]) {
      member.learn(metric, alias, datatype);
    }
    // Births of devices come after that of their node, each a number later.
    if (typeof offset.seq === 'number') node.seq = Math.max(node.seq ?? 0, offset.seq);
  }

  restoreSeq(address: Pick<Address, 'group' | 'node'>, offset: SourceOffset): void {
    const node = this.#nodes.get(nodeId(address));
    if (node === undefined || offset.bornAt !== node.bornAt) return;
    node.seq = offset.seq as number | null;
    node.hasGap = offset.hasGap === true;
    if (offset.isOnline === false) this.#silence(node);
    for (const name of (offset.gone as string[] | undefined) ?? []) {
      this.#lose(node, name);
    }
  }

  #member({ group, node, device }: Pick<Address, 'group' | 'node' | 'device'>): Member | undefined {
    const found = this.#nodes.get(nodeId({ group, node }));
    return device === null ? found?.own : found?.devices.get(device);
  }

  #born(address: Address, { timestamp, seq, metrics }: SparkplugPayload): Finding {
    const node = new Node();
    node.seq = seq ?? 0;
    node.bornAt = timestamp === null ? null : String(timestamp);
    node.bdSeq = bdSeqOf(metrics);
    learnAll(node.own, metrics);
    const id = nodeId(address);
    if (!this.#nodes.has(id) && this.#nodes.size >= NODES_MAX) this.#nodes.delete(this.#nodes.keys().next().value!);
    this.#nodes.set(id, node);
    return nothing;
  }

  /** The broker speaks here, not the node: its will, with the bdSeq of the life that ended (Sparkplug 3.0, 6.4.22). */
  #died(address: Address, { metrics }: SparkplugPayload): Finding {
    const node = this.#nodes.get(nodeId(address));
    const bdSeq = bdSeqOf(metrics);
    if (node === undefined) return { ...nothing, isStale: true };
    if (bdSeq !== null && node.bdSeq !== null && bdSeq !== node.bdSeq) return { ...nothing, isOutdated: true };
    return { ...nothing, isStale: true, lostDevices: this.#silence(node) };
  }

  /** Answers the devices that were alive until now. */
  #silence(node: Node): string[] {
    const lost = [...node.devices].filter(([, { isOnline }]) => isOnline).map(([name]) => name);
    for (const device of node.devices.values()) device.isOnline = false;
    node.own.isOnline = false;
    // The next life begins with a birth; whatever comes before it is out of order.
    node.seq = null;
    return lost;
  }

  /** NDATA, DBIRTH, DDATA, DDEATH: all of them count on the node's one sequence. */
  #spoke(address: Address, { seq, metrics }: SparkplugPayload, isRepeated: boolean): Finding {
    const node = this.#nodes.get(nodeId(address));
    if (node === undefined) return { ...nothing, isStale: true, needsRebirth: true };
    const isNext = node.seq === null || seq === null || seq === ((node.seq + 1) & 0xff);
    if (isNext || !isRepeated) {
      if (!isNext) node.hasGap = true;
      if (seq !== null) node.seq = seq;
    }
    this.#noteDevice(node, address, metrics);
    const isAlive =
      node.own.isOnline && (address.device === null || node.devices.get(address.device)?.isOnline === true);
    const isKnown = metrics.every((metric) => this.resolve(address, metric) !== null);
    const isDeath = address.type === 'DDEATH';
    return {
      ...nothing,
      isStale: !isAlive,
      hasGap: node.hasGap,
      needsRebirth: node.hasGap || !isKnown || !(isAlive || isDeath),
    };
  }

  #noteDevice(node: Node, { type, device }: Address, metrics: readonly Metric[]): void {
    if (type === 'DBIRTH') {
      const member = new Member();
      learnAll(member, metrics);
      node.devices.set(device!, member);
      node.gone.delete(device!);
    } else if (type === 'DDEATH') this.#lose(node, device!);
  }

  #lose(node: Node, device: string): void {
    const member = node.devices.get(device);
    if (member === undefined) return;
    member.isOnline = false;
    node.gone.add(device);
  }
}

function learnAll(member: Member, metrics: readonly Metric[]): void {
  for (const { name, alias, datatype } of metrics) if (name !== null) member.learn(name, alias, datatype);
}

function bdSeqOf(metrics: readonly Metric[]): string | null {
  const value = metrics.find(({ name }) => name === 'bdSeq')?.value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}
