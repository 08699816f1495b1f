/**
 * The MQTT source: subscribes with a persistent session and acknowledges a message only when its record is durable.
 *
 * The connector splits the filters over tasks; a task holds what the broker has sent until the worker has it in the
 * log, within two bounds, and leaves the rest with the broker. Steps 1 and 7 of the record's journey.
 */
import type { IPublishPacket } from 'mqtt';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type PreviewRequest,
  type SourceConnector,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
} from '../api/index.ts';
import { Delivery, Fifo, Window } from './ack-line.ts';
import { checkBrokers } from './check.ts';
import { allFilters, type MqttSettings, mqttSettings } from './config.ts';
import type { MqttConnection } from './connection.ts';
import { type Arrival, RecordMaker } from './records.ts';
import { sampleMessages } from './sample.ts';
import { MqttSession } from './session.ts';

/** A poll without input comes back this often, so that the worker can look around. */
const pollWaitMs = 1_000;

/** Splits filters over tasks. One connector, any number of tasks. */
export class MqttSource implements SourceConnector {
  #filters: readonly string[] = [];

  start(_context: ConnectorContext, config: Config): void {
    this.#filters = allFilters(config);
    mqttSettings(config, 'check', 0);
  }

  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    const count = Math.max(1, Math.min(maxTasks, this.#filters.length));
    return Array.from({ length: count }, (_, task) => ({
      'mqtt.task.filters': JSON.stringify(this.#filters.filter((_filter, index) => index % count === task)),
    }));
  }

  createTask(): MqttSourceTask {
    return new MqttSourceTask();
  }

  stop(): void {}

  async sample(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]> {
    return sampleMessages({ ...mqttSettings(config, 'preview', 0), filters: allFilters(config) }, max, request);
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      allFilters(config);
      return await checkBrokers(mqttSettings(config, 'check', 0));
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}

/** What a task has seen since its start. */
export interface MqttSourceCounters {
  received: number;
  /** Recognised as sent again by the broker while we still held them. */
  redelivered: number;
  badInput: number;
  ignored: number;
}

export class MqttSourceTask implements SourceTask {
  readonly counters: MqttSourceCounters = { received: 0, redelivered: 0, badInput: 0, ignored: 0 };
  #context!: SourceTaskContext;
  #settings!: MqttSettings;
  #maker!: RecordMaker;
  #window!: Window;
  /** What came and was not polled yet. */
  readonly #arrivals = new Fifo<Arrival>();
  /** What was polled and is not durable yet, in poll order. */
  readonly #polled = new Fifo<Delivery>();
  #session: MqttSession | null = null;
  #failure: Error | null = null;
  /** The message that filled the window: the socket is not read on until it is released. */
  #held: { readonly release: () => void; readonly timer: NodeJS.Timeout } | null = null;
  #wake: (() => void) | null = null;

  /** The session, for its counters. */
  get session(): MqttSession | null {
    return this.#session;
  }

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = mqttSettings(config, context.connector, context.task);
    this.#window = new Window(this.#settings.inflightMax, this.#settings.inflightMaxBytes);
    this.#maker = new RecordMaker(this.#settings);
    const [offset] = await context.offsets([this.#maker.sourcePartition]);
    const filters = offset == null ? null : { filters: (offset.filters as string[] | undefined) ?? [] };
    if (this.#settings.clean && this.#settings.qos === 1) {
      context.logger.warn(
        { clientId: this.#settings.clientId },
        'mqtt.clean.session.enabled is true: messages published while this task is away are lost.',
      );
    }
    if (config.number('mqtt.qos') === 2) {
      context.logger.warn({}, 'mqtt.qos 2 is taken as 1: every message arrives, after a crash perhaps twice.');
    }
    context.signal.addEventListener('abort', () => this.#wakePoll(), { once: true });
    this.#session = new MqttSession(this.#settings, context.logger, this.#owner(), filters);
    this.#session.start();
  }

  async poll(): Promise<readonly SourceRecord[]> {
    if (this.#arrivals.length === 0 && this.#failure === null) await this.#waitForInput();
    if (this.#failure !== null) throw this.#failure;
    const records: SourceRecord[] = [];
    // Ends early after a row of bad ones too, so that one poll's work is bounded.
    for (let taken = 0; taken < this.#settings.batchMax; taken++) {
      const arrival = this.#arrivals.shift();
      if (arrival === undefined) break;
      const record = this.#recordOf(arrival);
      if (record === null) continue;
      this.#polled.push(arrival.delivery);
      records.push(record);
    }
    return records;
  }

  commitRecord(): void {
    const delivery = this.#polled.shift();
    if (delivery !== undefined) this.#settle(delivery);
  }

  async stop(): Promise<void> {
    this.#dropHeld();
    await this.#session?.stop();
  }

  #owner() {
    return {
      onPublish: (connection: MqttConnection, packet: IPublishPacket, release: () => void) =>
        this.#receive(connection, packet, release),
      onClosed: () => this.#dropHeld(),
      onFailed: (error: Error) => this.#fail(error),
    };
  }

  #receive(connection: MqttConnection, packet: IPublishPacket, release: () => void): void {
    const payload = packet.payload as Buffer;
    if (packet.qos === 1 && this.#isRedelivery(connection, packet, payload)) {
      release();
      return;
    }
    this.counters.received++;
    const delivery = new Delivery(packet.topic, payload);
    if (packet.qos === 1) connection.acks.owe(packet.messageId!, delivery);
    this.#window.take(delivery);
    this.#arrivals.push({ delivery, packet, receivedAt: Date.now() });
    this.#wakePoll();
    if (this.#window.isFull) this.#hold(release);
    else release();
  }

  /** A message of an earlier connection that is still with us: owed on this connection, but no second record. */
  #isRedelivery(connection: MqttConnection, packet: IPublishPacket, payload: Buffer): boolean {
    const unacked = this.#session!.unacked;
    if (unacked.size === 0) return false;
    const earlier = unacked.get(packet.messageId!);
    if (earlier === undefined) return false;
    unacked.delete(packet.messageId!);
    if (!packet.dup || !this.#settings.dedupe || !earlier.equals(packet.topic, payload)) return false;
    this.counters.redelivered++;
    connection.acks.owe(packet.messageId!, earlier);
    connection.scheduleAcks();
    return true;
  }

  /**
   * Stops reading until there is room. Not for longer than half the keepalive, because a socket that is not read does
   * not see the broker's answer to our ping either: then the session is parked.
   */
  #hold(release: () => void): void {
    const timer = setTimeout(() => this.#session!.park(), this.#settings.keepaliveS * 500);
    this.#held = { release, timer };
  }

  #dropHeld(): void {
    if (this.#held !== null) clearTimeout(this.#held.timer);
    this.#held = null;
  }

  #settle(delivery: Delivery): void {
    delivery.isDone = true;
    this.#window.give(delivery);
    this.#session!.connection?.scheduleAcks();
    if (!this.#window.isDrained) return;
    const held = this.#held;
    this.#dropHeld();
    held?.release();
    this.#session!.unpark();
  }

  #recordOf(arrival: Arrival): SourceRecord | null {
    if (this.#settings.skipRetained && arrival.packet.retain) return this.#ignore(arrival);
    try {
      return this.#maker.record(arrival) ?? this.#ignore(arrival);
    } catch (error) {
      this.#reportBad(arrival, error as Error);
      return null;
    }
  }

  #ignore(arrival: Arrival): null {
    this.counters.ignored++;
    this.#settle(arrival.delivery);
    return null;
  }

  /** The dead letter is the durable point: acknowledged like any other once it is written, so it stalls nothing. */
  #reportBad(arrival: Arrival, error: Error): void {
    this.counters.badInput++;
    const { topic, payload } = arrival.delivery;
    this.#context
      .reportBadInput({
        error,
        source: { ...this.#maker.sourcePartition, topic, packetId: arrival.packet.messageId ?? null },
        bytes: payload,
        key: Buffer.from(topic),
      })
      .then(
        () => this.#settle(arrival.delivery),
        (fatal: Error) => this.#fail(fatal),
      );
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wakePoll();
  }

  #wakePoll(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #waitForInput(): Promise<void> {
    if (this.#context.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wakePoll(), pollWaitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
