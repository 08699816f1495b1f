/**
 * Reading and changing the offsets of a connector (KIP-875): source offsets in the offsets topic, sink offsets in the
 * consumer group. Changing asks for a connector that is really stopped.
 */
import type { SourceOffset, SourcePartition } from '../../connectors/api/index.ts';
import { messageOf, RequestError } from '../errors.ts';
import { LogError, type OffsetAndMetadata } from '../log/client.ts';
import type { OffsetStore, PartitionOffset } from '../stores/offset-store.ts';
import type { ConnectorLife } from './connector-life.ts';
import type { Services } from './services.ts';
import { sinkGroup } from './sink-loop.ts';
import { fenceTasks } from './zombies.ts';

export interface OffsetEntry {
  readonly partition: Readonly<Record<string, unknown>>;
  readonly offset: Readonly<Record<string, unknown>> | null;
}

export class ConnectorOffsets {
  readonly #services: Services;
  readonly #life: (name: string) => ConnectorLife;

  constructor(services: Services, life: (name: string) => ConnectorLife) {
    this.#services = services;
    this.#life = life;
  }

  async list(name: string): Promise<OffsetEntry[]> {
    if (this.#typeOf(name) === 'source') return (await this.#storeOf(name)).all(name);
    const committed = await this.#services.log.groupOffsets(this.#groupOf(name));
    return committed.map(({ topic, partition, offset }) => ({
      partition: { kafka_topic: topic, kafka_partition: partition },
      offset: { kafka_offset: offset },
    }));
  }

  async alter(name: string, entries: readonly OffsetEntry[]): Promise<string> {
    this.#mustBeStopped(name);
    if (entries.length === 0) {
      throw new RequestError(400, 'Partitions / offsets need to be provided for an alter offsets request');
    }
    if (this.#typeOf(name) === 'source') {
      await this.#fenceZombies(name);
      await this.#alterSource(name, entries);
    } else await this.#alterSink(name, entries.map(sinkEntry));
    return successText('altered');
  }

  async reset(name: string): Promise<string> {
    this.#mustBeStopped(name);
    if (this.#typeOf(name) === 'source') {
      await this.#fenceZombies(name);
      const store = await this.#storeOf(name);
      const all = store.all(name).map(({ partition }) => ({ partition, offset: null }));
      await store.write(name, all);
    } else await this.#whileEmpty(() => this.#services.log.deleteGroup(this.#groupOf(name)));
    return successText('reset');
  }

  /**
   * A task that was cut off may still be committing, and would write its own offsets over the new ones. As in Kafka
   * Connect, the connector is looked at again afterwards: fencing takes its time. (Zombies of sinks are members of their
   * group, which cannot be changed while it has any.)
   */
  async #fenceZombies(name: string): Promise<void> {
    const { configs, log, settings } = this.#services;
    if (settings.string('exactly.once.source.support') !== 'enabled') return;
    const before = configs.taskCount(name);
    if (before === 0) return;
    try {
      const tasks = Array.from({ length: before }, (_, task) => task);
      await fenceTasks(log, settings.string('group.id'), name, tasks);
      await configs.putTaskCount(name, 0);
      // What the last of them committed is known before it is replaced.
      await (await this.#storeOf(name)).readToEnd();
    } catch (error) {
      const message = `The offsets were left alone: tasks that may still write could not be fenced. ${messageOf(error)}`;
      throw new RequestError(500, message, { cause: error });
    }
    this.#mustBeStopped(name);
  }

  async #alterSource(name: string, entries: readonly OffsetEntry[]): Promise<void> {
    const offsets = entries.map(
      ({ partition, offset }): PartitionOffset => ({
        partition: partition as SourcePartition,
        offset: offset as SourceOffset | null,
      }),
    );
    await (await this.#storeOf(name)).write(name, offsets);
  }

  /** The port sets offsets; forgetting one means forgetting the group and setting the rest again. */
  async #alterSink(name: string, entries: readonly { topic: string; partition: number; offset: number | null }[]) {
    const { log } = this.#services;
    const group = this.#groupOf(name);
    await this.#whileEmpty(async () => {
      const forgotten = entries.filter(({ offset }) => offset === null);
      const kept = entries.filter((entry): entry is OffsetAndMetadata => entry.offset !== null);
      const before = forgotten.length === 0 ? [] : await log.groupOffsets(group);
      const isForgotten = (one: OffsetAndMetadata) =>
        forgotten.some(({ topic, partition }) => topic === one.topic && partition === one.partition);
      if (forgotten.length > 0) await log.deleteGroup(group);
      await log.alterGroupOffsets(group, [...before.filter((one) => !isForgotten(one)), ...kept]);
    });
  }

  async #whileEmpty(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'NON_EMPTY_GROUP') throw error;
      const message = `${error.message} The tasks may not have left their group yet: try again in a moment.`;
      throw new RequestError(500, message, { cause: error });
    }
  }

  #mustBeStopped(name: string): void {
    this.#typeOf(name);
    const { configs } = this.#services;
    if (configs.targetState(name) === 'STOPPED' && this.#life(name).tasks.length === 0) return;
    const message =
      'Connectors must be in the STOPPED state before their offsets can be modified. This can be done ' +
      "for the specified connector by issuing a 'PUT' request to the '/connectors/" +
      `${name}/stop' endpoint`;
    throw new RequestError(400, message);
  }

  #typeOf(name: string): 'source' | 'sink' {
    const config = this.#services.configs.config(name);
    if (config === undefined) throw new RequestError(404, `Connector ${name} not found`);
    const plugin = this.#services.plugins.find(config['connector.class'] ?? '', 'source', 'sink');
    if (plugin === undefined) throw new RequestError(500, `Connector ${name} has a class that is not known any more.`);
    return plugin.type;
  }

  /** A connector may keep its offsets in a topic of its own. */
  #storeOf(name: string): Promise<OffsetStore> {
    return this.#services.offsets.of(this.#services.configs.config(name)?.['offsets.storage.topic']?.trim() ?? null);
  }

  #groupOf(name: string): string {
    const { configs, raw } = this.#services;
    return configs.config(name)?.['consumer.override.group.id'] ?? raw['consumer.group.id'] ?? sinkGroup(name);
  }
}

/** Numbers and numeric strings are both accepted, as in Kafka Connect. */
function sinkEntry({ partition, offset }: OffsetEntry): { topic: string; partition: number; offset: number | null } {
  const topic = partition.kafka_topic;
  const number = whole(partition.kafka_partition, 'kafka_partition');
  if (typeof topic !== 'string') {
    throw new RequestError(400, 'A sink partition needs "kafka_topic" (text) and "kafka_partition" (a number).');
  }
  return { topic, partition: number, offset: offset === null ? null : whole(offset.kafka_offset, 'kafka_offset') };
}

function whole(value: unknown, name: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new RequestError(400, `"${name}" must be a whole number that is not negative; it is ${JSON.stringify(value)}.`);
}

/** Kafka Connect's words for plugins that do not look after their offsets themselves. */
function successText(what: string): string {
  return (
    `The Connect framework-managed offsets for this connector have been ${what} successfully. ` +
    `However, if this connector manages offsets externally, they will need to be manually ${what} in the system that the connector uses.`
  );
}
