/**
 * Keeps one MQTT session alive over many connections: connects, subscribes, tries again with back-off, parks when the
 * log is slow, notices when the broker has forgotten us, gives up after `mqtt.offline.fail.s`.
 *
 * Knows nothing of records; messages go to the source through `onPublish`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IPublishPacket } from 'mqtt';
import { ConnectError, type Logger } from '../api/index.ts';
import type { Owed } from './ack-line.ts';
import type { MqttSettings } from './config.ts';
import { type ConnectionEvents, MqttConnection, type MqttLibrary } from './connection.ts';
import { shownServer } from './connection-config.ts';
import { mqttRefused, mqttUnreachable, reason } from './errors.ts';

/** Back-off between attempts, doubled each time and jittered. */
const backoffFirstMs = 500;
const backoffMaxMs = 30_000;
/** A connection that lived this long was a good one: the next attempt comes soon again. */
const stableAfterMs = 10_000;
/** CONNACK codes for an MQTT version the broker does not speak (3.1.1 says 1, 5 says 132). */
const versionRefusals = new Set([1, 132]);
/** CONNACK codes that another attempt will not change: client id, password, not authorised, banned. */
const finalRefusals = new Set([2, 4, 5, 133, 134, 135, 138, 140]);

/** What the session does for its owner. */
export interface SessionOwner {
  onPublish: ConnectionEvents['onPublish'];
  /** The broker accepted us; called before any message of this connection. `lost`: it had our session and has it no more. */
  onConnected(connection: MqttConnection, lost: LostSession | null): void;
  onConfirmed(confirmed: readonly Owed[]): void;
  /** The connection is over: nothing held on it may be released any more. */
  onClosed(connection: MqttConnection): void;
  /** The session has failed for good. */
  onFailed(error: Error): void;
}

/** A session that the broker has forgotten, with all that it had queued for us. */
export interface LostSession {
  readonly server: string;
  /** When the connection before ended, milliseconds since the epoch; null when that was in an earlier run. */
  readonly awaySince: number | null;
}

/** Filters of an earlier run that are not ours any more. */
export interface FormerFilters {
  /** Nobody's: unsubscribed at once. */
  readonly removed: readonly string[];
  /** Another task's now: unsubscribed when that has had time to subscribe. */
  readonly moved: readonly string[];
}

/** What the session has seen; read by logs, tests and benchmarks. */
export interface SessionCounters {
  connections: number;
  sessionsLost: number;
  parked: number;
}

export class MqttSession {
  readonly counters: SessionCounters = { connections: 0, sessionsLost: 0, parked: 0 };
  /** The connection in use, or null. */
  connection: MqttConnection | null = null;
  readonly #settings: MqttSettings;
  readonly #logger: Logger;
  readonly #owner: SessionOwner;
  #former: FormerFilters;
  #handover: NodeJS.Timeout | undefined;
  #awaySince: number | null = null;
  /** True when this client id has had a session before, so that its absence is a loss. */
  #isKnown: boolean;
  #isSubscribed = false;
  #version: 4 | 5 | null = null;
  #library: MqttLibrary | null = null;
  #isStopped = false;
  #unpark: (() => void) | null = null;
  #parked: Promise<void> | null = null;
  readonly #wait = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(
    settings: MqttSettings,
    logger: Logger,
    owner: SessionOwner,
    /** Null: this client id has had no session yet. */
    former: FormerFilters | null,
  ) {
    this.#settings = settings;
    this.#logger = logger;
    this.#owner = owner;
    this.#isKnown = former !== null && !settings.clean;
    this.#former = former ?? { removed: [], moved: [] };
    this.#version = settings.protocol === 'auto' ? null : settings.protocol;
  }

  /** Begins connecting; returns at once. */
  start(): void {
    this.#loop = this.#run().catch((error: Error) => {
      if (!this.#isStopped) this.#owner.onFailed(error);
    });
  }

  /** Leaves the broker alone until `unpark`, keeping the session, so that it queues what we have no room for. */
  park(): void {
    if (this.#unpark !== null || this.#isStopped) return;
    this.counters.parked++;
    this.#logger.warn(
      { clientId: this.#settings.clientId },
      'The log takes MQTT messages more slowly than they come; leaving the broker to queue them until the backlog is half gone.',
    );
    this.#parked = new Promise((resolve) => {
      this.#unpark = resolve;
    });
    void this.connection?.close();
  }

  /** There is room again. */
  unpark(): void {
    this.#unpark?.();
    this.#unpark = null;
    this.#parked = null;
  }

  /** Sends what is due, says goodbye, ends the loop. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wait.abort();
    this.unpark();
    this.connection?.sendAcks();
    await this.connection?.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    this.#library = (await import('mqtt')).default as unknown as MqttLibrary;
    let backoffMs = backoffFirstMs;
    let offlineSince = Date.now();
    while (!this.#isStopped) {
      const began = Date.now();
      const { error, wasUp } = await this.#live();
      if (this.#isStopped) return;
      if (wasUp) offlineSince = Date.now();
      if (this.#parked !== null) {
        await this.#parked;
        offlineSince = Date.now();
        continue;
      }
      this.#judge(error, offlineSince);
      if (wasUp && Date.now() - began > stableAfterMs) backoffMs = backoffFirstMs;
      await this.#pause(backoffMs, offlineSince, error);
      backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
    }
  }

  /** Throws when there is no point in trying again. */
  #judge(error: Error | null, offlineSince: number): void {
    if (error instanceof ConnectError) throw error;
    const { servers, offlineFailS } = this.#settings;
    if (Date.now() - offlineSince >= offlineFailS * 1000)
      throw mqttUnreachable(servers.map(shownServer), offlineFailS, error);
  }

  async #pause(backoffMs: number, offlineSince: number, error: Error | null): Promise<void> {
    const untilFailure = offlineSince + this.#settings.offlineFailS * 1000 - Date.now();
    const delayMs = Math.max(0, Math.min(backoffMs * (0.5 + Math.random() / 2), untilFailure));
    const servers = this.#settings.servers.map(shownServer);
    this.#logger.warn(
      { servers, retryInMs: Math.round(delayMs) },
      `Not connected to MQTT (${servers.join(', ')}): ${error === null ? 'the broker closed the connection' : reason(error)}. Trying again; the task fails after ${this.#settings.offlineFailS} s without a broker.`,
    );
    await sleep(delayMs, undefined, { signal: this.#wait.signal }).catch(() => undefined);
  }

  /** One round over the servers: lives on the first that takes us. Returns when that is over, or none did. */
  async #live(): Promise<{ error: Error | null; wasUp: boolean }> {
    let error: Error | null = null;
    for (const server of this.#settings.servers) {
      if (this.#isStopped) break;
      try {
        const connection = await this.#open(server);
        error = await this.#stay(connection);
        return { error, wasUp: true };
      } catch (cause) {
        if (cause instanceof ConnectError) return { error: cause, wasUp: false };
        error = cause as Error;
      }
    }
    return { error, wasUp: false };
  }

  async #open(server: string): Promise<MqttConnection> {
    for (const version of this.#version === null ? ([5, 4] as const) : ([this.#version] as const)) {
      const connection = new MqttConnection(this.#library!, server, version, this.#settings, {
        onConnack: (accepted) => this.#onConnack(accepted),
        onPublish: (from, packet: IPublishPacket, release) => this.#owner.onPublish(from, packet, release),
        onConfirmed: (confirmed) => this.#owner.onConfirmed(confirmed),
      });
      this.connection = connection;
      try {
        await connection.open();
        return connection;
      } catch (error) {
        this.#leave(connection);
        const code = (error as { code?: unknown }).code;
        if (this.#version === null && version === 5 && versionRefusals.has(code as number)) continue;
        // Before the first success a wrong password is a mistake to show; later it may be the broker's bad day.
        if (this.counters.connections === 0 && finalRefusals.has(code as number))
          throw mqttRefused(shownServer(server), error);
        throw error;
      }
    }
    throw new Error('the broker speaks neither MQTT 5 nor 3.1.1');
  }

  #onConnack(connection: MqttConnection): void {
    this.counters.connections++;
    this.#version = connection.version;
    const isLost = !connection.sessionPresent && this.#isKnown && !this.#settings.clean;
    if (isLost) this.#reportLostSession(connection);
    if (!connection.sessionPresent) this.#isSubscribed = false;
    this.#isKnown = true;
    this.#owner.onConnected(connection, isLost ? { server: connection.server, awaySince: this.#awaySince } : null);
  }

  #reportLostSession(connection: MqttConnection): void {
    this.counters.sessionsLost++;
    this.#logger.error(
      { server: connection.server, clientId: this.#settings.clientId, sessionsLost: this.counters.sessionsLost },
      `The MQTT broker ${connection.server} has lost the session of "${this.#settings.clientId}": messages published while we were away are gone. Check the broker's persistence and session expiry.`,
    );
  }

  async #stay(connection: MqttConnection): Promise<Error | null> {
    try {
      await this.#subscribe(connection);
      this.#logger.info(
        { server: connection.server, mqtt: connection.version, sessionPresent: connection.sessionPresent },
        'Connected to the MQTT broker.',
      );
      return await connection.closed;
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      this.#leave(connection);
    }
  }

  /** Always on the first connection of a run, since the filters may have changed; later only in a new session. */
  async #subscribe(connection: MqttConnection): Promise<void> {
    const { filters, qos, handoverMs, sparkplug } = this.#settings;
    const { removed, moved } = this.#former;
    if (!this.#isSubscribed) {
      if (connection.sessionPresent) await connection.unsubscribe(removed);
      await connection.subscribe(filters, qos, sparkplug !== null);
      this.#isSubscribed = true;
      this.#former = { removed: [], moved: connection.sessionPresent ? moved : [] };
    }
    if (this.#former.moved.length === 0) return;
    this.#handover = setTimeout(() => void this.#handOver(connection, moved), handoverMs);
  }

  /** The task whose filters these are now has had its time; both got what came meanwhile. */
  async #handOver(connection: MqttConnection, moved: readonly string[]): Promise<void> {
    try {
      await connection.unsubscribe(moved);
      this.#former = { removed: [], moved: [] };
      this.#logger.info({ filters: moved }, 'Unsubscribed from filters that another task has now.');
    } catch (error) {
      this.#logger.debug({ err: error }, 'Unsubscribing failed with the connection and is tried on the next.');
    }
  }

  #leave(connection: MqttConnection): void {
    if (this.connection !== connection) return;
    clearTimeout(this.#handover);
    if (connection.isAccepted) this.#awaySince = Date.now();
    this.connection = null;
    this.#owner.onClosed(connection);
  }
}
