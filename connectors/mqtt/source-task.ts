/**
 * A task of the MQTT source: subscribes with a persistent session and acknowledges a message only when its record is durable.
 *
 * It holds what the broker has sent until the worker has it in the log, within two bounds, and leaves the rest with the
 * broker. Steps 1 and 7 of the record's journey.
 */
import type { IPublishPacket } from 'mqtt';
import type { Config, SourceRecord, SourceTask, SourceTaskContext } from '../api/index.ts';
import { Delivery, Fifo, Window } from './ack-line.ts';
import { isShared, type MqttSettings, mqttSettings } from './config.ts';
import type { MqttConnection } from './connection.ts';
import { taskClientId } from './connection-config.ts';
import { formerRuns, type Orphan } from './former-runs.ts';
import { Intake, type Waiting } from './intake.ts';
import { OrphanSession } from './orphan.ts';
import { type LostSession, MqttSession, type SessionOwner } from './session.ts';
import { SparkplugReader } from './sparkplug/reader.ts';
import { RebirthRequests } from './sparkplug/rebirths.ts';

/** A poll without input comes back this often, so that the worker can look around. */
const pollWaitMs = 1_000;

/** What a task has seen since its start. */
export interface MqttSourceCounters {
  received: number;
  /** Recognised as sent again by the broker while we still had them. */
  redelivered: number;
  badInput: number;
  ignored: number;
  /** Edge nodes asked for their births (Sparkplug). */
  rebirthsAsked: number;
}

/** Stands for a record that no message is behind: the marker of a gap. */
const noDelivery = new Delivery('', Buffer.alloc(0));

/** The message that filled the window: its socket is not read on until it is released. */
interface Held {
  readonly release: () => void;
  readonly timer: NodeJS.Timeout;
}

export class MqttSourceTask implements SourceTask {
  readonly counters: MqttSourceCounters = { received: 0, redelivered: 0, badInput: 0, ignored: 0, rebirthsAsked: 0 };
  #context!: SourceTaskContext;
  #settings!: MqttSettings;
  #window!: Window;
  #intake!: Intake;
  /** What came and was not polled yet. */
  readonly #arrivals = new Fifo<Waiting>();
  /** Markers of gaps, which go before everything that came after. */
  readonly #gaps: SourceRecord[] = [];
  /** What was polled and is not durable yet, one for each record, in poll order. */
  readonly #polled = new Fifo<Delivery>();
  #session: MqttSession | null = null;
  #orphans: readonly OrphanSession[] = [];
  #sparkplug: SparkplugReader | null = null;
  #rebirths: RebirthRequests | null = null;
  #failure: Error | null = null;
  readonly #held = new Map<MqttConnection, Held>();
  #wake: (() => void) | null = null;

  /** The session, for its counters. */
  get session(): MqttSession | null {
    return this.#session;
  }

  /** Sessions of former tasks, for their counters. */
  get orphans(): readonly OrphanSession[] {
    return this.#orphans;
  }

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = mqttSettings(config, context.connector, context.task);
    this.#window = new Window(this.#settings.inflightMax, this.#settings.inflightMaxBytes);
    const kept = (await context.allOffsets?.()) ?? [];
    const clientIdOf = (task: number) => taskClientId(config, context.connector, task);
    const former = formerRuns(this.#settings, clientIdOf, context.task, kept);
    this.#sparkplug = this.#sparkplugReader();
    const known = this.#sparkplug?.restore(kept) ?? 0;
    if (known > 0)
      context.logger.info({ births: known }, 'Births of Sparkplug nodes and devices are known from before.');
    this.#intake = new Intake(this.#settings, former.unacked, this.#sparkplug);
    this.#warn(config);
    context.signal.addEventListener('abort', () => this.#wakePoll(), { once: true });
    this.#session = new MqttSession(this.#settings, context.logger, this.#owner(), former.filters);
    this.#session.start();
    this.#orphans = this.#settings.clean ? [] : former.orphans.map((orphan) => this.#adopt(orphan));
  }

  async poll(): Promise<readonly SourceRecord[]> {
    if (this.#arrivals.length === 0 && this.#gaps.length === 0 && this.#failure === null) await this.#waitForInput();
    if (this.#failure !== null) throw this.#failure;
    const records: SourceRecord[] = [];
    for (const gap of this.#gaps.splice(0)) {
      records.push(gap);
      this.#polled.push(noDelivery);
    }
    // Ends early after a row of bad ones too, so that one poll's work is bounded.
    for (let taken = 0; taken < this.#settings.batchMax; taken++) {
      const waiting = this.#arrivals.shift();
      if (waiting === undefined) break;
      const { delivery } = waiting;
      delivery.recordsLeft = this.#addRecords(waiting, records);
      for (let made = 0; made < delivery.recordsLeft; made++) this.#polled.push(delivery);
    }
    return records;
  }

  commitRecord(): void {
    const delivery = this.#polled.shift();
    if (delivery === undefined || delivery === noDelivery) return;
    if (--delivery.recordsLeft === 0) this.#settle(delivery);
  }

  async stop(): Promise<void> {
    for (const connection of [...this.#held.keys()]) this.#dropHeld(connection);
    this.#rebirths?.stop();
    await Promise.all([this.#session?.stop(), ...this.#orphans.map((orphan) => orphan.stop())]);
  }

  #warn(config: Config): void {
    const { logger } = this.#context;
    const { clean, qos, clientId, filters } = this.#settings;
    if (clean && qos === 1) {
      logger.warn(
        { clientId },
        'mqtt.clean.session.enabled is true: messages published while this task is away are lost.',
      );
    }
    if (config.number('mqtt.qos') === 2) {
      logger.warn(
        {},
        'mqtt.qos 2 is taken as 1, with mqtt.dedupe against what comes again: a crash inside the QoS 2 handshake can lose a message.',
      );
    }
    const shared = filters.filter(isShared);
    if (shared.length > 0) {
      logger.warn(
        { filters: shared },
        'A shared subscription spreads messages over its members: those of one device may be written out of order. Where order counts, subscribe without $share; filters are split over tasks all the same.',
      );
    }
  }

  #sparkplugReader(): SparkplugReader | null {
    const { sparkplug, clientId } = this.#settings;
    if (sparkplug === null) return null;
    const { isPerMetric, rebirthIntervalMs } = sparkplug;
    if (rebirthIntervalMs === null) return new SparkplugReader(clientId, isPerMetric, () => undefined);
    const rebirths = new RebirthRequests(rebirthIntervalMs, (topic, payload) => {
      const isSent = this.#session?.connection?.send(topic, payload) ?? false;
      if (isSent) this.counters.rebirthsAsked++;
      return isSent;
    });
    this.#rebirths = rebirths;
    return new SparkplugReader(clientId, isPerMetric, (node) => rebirths.want(node));
  }

  #owner(): SessionOwner {
    const intake = this.#intake;
    return {
      onConnected: (connection, lost) => {
        intake.connected(connection.sessionPresent);
        if (lost !== null) this.#noteGap(lost);
      },
      onPublish: (connection, packet, release) => this.#receive(intake, connection, packet, release),
      onConfirmed: (owed) => intake.confirmed(owed),
      onClosed: (connection) => this.#dropHeld(connection),
      onFailed: (error) => this.#fail(error),
    };
  }

  /** Takes over what is left in the session of a task that is no more. */
  #adopt({ clientId, filters, unacked }: Orphan): OrphanSession {
    const settings = { ...this.#settings, clientId, filters, will: null };
    const intake = new Intake(settings, unacked, this.#sparkplug);
    const orphan = new OrphanSession({
      settings,
      filters,
      logger: this.#context.logger,
      events: {
        onConnack: (connection) => intake.connected(connection.sessionPresent),
        onPublish: (connection, packet, release) => this.#receive(intake, connection, packet, release),
        onConfirmed: (owed) => intake.confirmed(owed),
        onClosed: (connection) => this.#dropHeld(connection),
      },
    });
    orphan.start();
    return orphan;
  }

  #noteGap(lost: LostSession): void {
    const marker = this.#intake.gapRecord(lost);
    if (marker !== null) this.#gaps.push(marker);
    this.#wakePoll();
  }

  #receive(intake: Intake, connection: MqttConnection, packet: IPublishPacket, release: () => void): void {
    const waiting = intake.take(connection, packet);
    if (waiting === null) {
      this.counters.redelivered++;
      release();
      return;
    }
    this.counters.received++;
    this.#window.take(waiting.delivery);
    this.#arrivals.push(waiting);
    this.#wakePoll();
    if (this.#window.isFull) this.#hold(connection, release);
    else release();
  }

  /**
   * Stops reading until there is room. Not for longer than half the keepalive, because a socket that is not read does
   * not see the broker's answer to our ping either: then the session is parked.
   */
  #hold(connection: MqttConnection, release: () => void): void {
    const timer = setTimeout(() => this.#park(connection), this.#settings.keepaliveS * 500);
    this.#held.set(connection, { release, timer });
  }

  #park(connection: MqttConnection): void {
    if (this.#session!.connection === connection) this.#session!.park();
    else void connection.close();
  }

  #dropHeld(connection: MqttConnection): void {
    clearTimeout(this.#held.get(connection)?.timer);
    this.#held.delete(connection);
  }

  #settle(delivery: Delivery): void {
    delivery.isDone = true;
    this.#window.give(delivery);
    delivery.sender?.scheduleAcks();
    if (!this.#window.isDrained) return;
    for (const [connection, { release }] of [...this.#held]) {
      this.#dropHeld(connection);
      release();
    }
    this.#session!.unpark();
  }

  /** How many records the message became. */
  #addRecords(waiting: Waiting, records: SourceRecord[]): number {
    const before = records.length;
    try {
      const made = waiting.intake.addRecords(waiting, records);
      if (made === 0) this.#ignore(waiting);
      return made;
    } catch (error) {
      // A Sparkplug message may have been half through.
      records.length = before;
      this.#reportBad(waiting, error as Error);
      return 0;
    }
  }

  #ignore({ delivery }: Waiting): void {
    this.counters.ignored++;
    this.#settle(delivery);
  }

  /** The dead letter is the durable point: acknowledged like any other once it is written, so it stalls nothing. */
  #reportBad(waiting: Waiting, error: Error): void {
    this.counters.badInput++;
    const { delivery, intake } = waiting;
    delivery.isBad = true;
    this.#context
      .reportBadInput({
        error,
        source: intake.sourceOf(waiting),
        bytes: delivery.payload,
        key: Buffer.from(delivery.topic),
        onDurable: () => this.#settle(delivery),
      })
      .catch((fatal: Error) => this.#fail(fatal));
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
