/**
 * One network connection to an MQTT broker: MQTT.js with its acknowledgements taken into our own hands.
 *
 * MQTT.js answers PUBACK as soon as a message handler calls back, and hands over the next message only then: one
 * message at a time, or acknowledged too early. So its own PUBACK is swallowed here (`_sendPacket` is overridden for
 * that one packet type) and ours goes out, in order and many at once, when the log has the record. Held back to exactly
 * the pinned version of MQTT.js by `connection.integration.test.ts`. An object of this class serves one connection and is
 * never reused, so an acknowledgement can not reach another session by mistake. Step 1 and step 7 of the journey.
 */
import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient, Packet } from 'mqtt';
import { AckLine, encodePubacks, type Owed } from './ack-line.ts';
import type { MqttSettings } from './config.ts';
import { type ConnectionSettings, shownServer } from './connection-config.ts';
import { mqttSubscribeRefused } from './errors.ts';

/** The library, loaded by the task so that a process without MQTT does not pay for it. */
export type MqttLibrary = typeof import('mqtt');

/** Who takes what the broker sends. All calls are synchronous, from the socket's data event. */
export interface ConnectionEvents {
  /** The broker accepted us; called before any message of this connection. */
  onConnack(connection: MqttConnection): void;
  /** One message; no other follows, and the socket is not read further, until `release` is called (once). */
  onPublish(connection: MqttConnection, packet: IPublishPacket, release: () => void): void;
  /** The broker has seen these acknowledgements for certain: it answered a ping that was sent behind them. */
  onConfirmed?(confirmed: readonly Owed[]): void;
}

/** The part of MQTT.js that its types call private. */
interface PacketSender {
  _sendPacket(packet: Packet, callback?: (error?: Error) => void, ...rest: unknown[]): void;
}

/** PINGREQ, in every version of MQTT. */
const pingreq = Buffer.from([0xc0, 0x00]);
/** Topics the broker may send as two bytes once it has named them. */
const TOPIC_ALIASES_MAX = 1024;
/** How long a polite goodbye may take before the socket is destroyed. */
const closeTimeoutMs = 2_000;

export class MqttConnection {
  /** The URL, without credentials. */
  readonly server: string;
  readonly version: 4 | 5;
  readonly acks = new AckLine();
  /** What the broker said about our session; false until it accepted us. */
  sessionPresent = false;
  /** Resolves when the connection is over, with the error that ended it if one is known. */
  readonly closed: Promise<Error | null>;
  readonly #client: MqttClient;
  #error: Error | null = null;
  #isAccepted = false;
  #isOver = false;
  #isFlushScheduled = false;
  readonly #onConfirmed: ConnectionEvents['onConfirmed'];
  /** Topic aliases of this connection. */
  readonly #topics = new Map<number, string>();
  /** Acknowledged since the last ping, and before it. */
  #sent: Owed[] = [];
  #pinged: readonly Owed[] | null = null;

  constructor(
    library: MqttLibrary,
    server: string,
    version: 4 | 5,
    settings: MqttSettings,
    events: ConnectionEvents,
    clientId = settings.clientId,
  ) {
    this.server = shownServer(server);
    this.version = version;
    this.#client = library.connect(server, clientOptions(version, settings, clientId));
    this.#onConfirmed = events.onConfirmed?.bind(events);
    this.#takeAcknowledgements();
    this.#client.handleMessage = (packet, callback) => {
      if (packet.properties?.topicAlias !== undefined) this.#nameTopic(packet, packet.properties.topicAlias);
      events.onPublish(this, packet, callback as () => void);
    };
    this.#client.on('packetreceive', (packet: Packet) => {
      if (packet.cmd === 'connack' && !this.#isAccepted) this.#accept(packet, events);
      else if (packet.cmd === 'pingresp') this.#confirm();
    });
    this.#client.on('error', (error) => {
      this.#error ??= error as Error;
    });
    this.#client.on('disconnect', (packet) => {
      this.#error ??= new Error(`the broker disconnected us with reason code ${packet.reasonCode ?? 0}`);
    });
    this.closed = new Promise((resolve) => {
      this.#client.on('close', () => {
        this.#isOver = true;
        resolve(this.#error);
      });
    });
  }

  /** MQTT.js has checked the alias (MQTT 5, 3.3.2.3.4), and tells its topic only to listeners of events. */
  #nameTopic(packet: IPublishPacket, alias: number): void {
    if (packet.topic !== '') this.#topics.set(alias, packet.topic);
    else packet.topic = this.#topics.get(alias) ?? '';
  }

  /** True once the broker has taken us. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  #accept(packet: IConnackPacket, events: ConnectionEvents): void {
    const code = this.version === 5 ? packet.reasonCode : packet.returnCode;
    if (code !== 0) return;
    this.#isAccepted = true;
    this.sessionPresent = packet.sessionPresent;
    events.onConnack(this);
  }

  /** Replaces MQTT.js's own PUBACK by a promise to send ours later. */
  #takeAcknowledgements(): void {
    const sender = this.#client as unknown as PacketSender;
    const send = sender._sendPacket.bind(this.#client);
    sender._sendPacket = (packet, callback, ...rest) => {
      if (packet.cmd === 'puback') callback?.();
      else send(packet, callback, ...rest);
    };
  }

  /** Connects; rejects when the broker refuses, does not answer in time, or is not there. */
  async open(): Promise<void> {
    const connected = new Promise<void>((resolve) => this.#client.once('connect', () => resolve()));
    this.#client.connect();
    const isUp = await Promise.race([connected.then(() => true), this.closed.then(() => false)]);
    if (!isUp) {
      this.destroy();
      throw this.#error ?? new Error('the connection was closed before the broker accepted it');
    }
  }

  /** Subscribes to all filters; rejects with the first that is refused. `isDeaf`: not to what we send ourselves. */
  async subscribe(filters: readonly string[], qos: 0 | 1, isDeaf = false): Promise<void> {
    for (const filter of filters) {
      // MQTT 5: rh 1 asks for retained messages only where the subscription is new, so that a restart brings no flood;
      // rap keeps the retain flag as it was published; nl leaves out what we send ourselves.
      const options = this.version === 5 ? { qos, rh: 1, rap: true, nl: isDeaf } : { qos };
      try {
        await this.#client.subscribeAsync(filter, options);
      } catch (error) {
        if (this.#isOver) throw this.#error ?? error;
        throw mqttSubscribeRefused(this.server, filter, error);
      }
    }
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    if (filters.length > 0) await this.#client.unsubscribeAsync([...filters]);
  }

  /** Sends the acknowledgements that are due, gathered over this turn of the microtask queue. */
  scheduleAcks(): void {
    if (this.#isFlushScheduled || this.#isOver) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      this.#isFlushScheduled = false;
      this.sendAcks();
    });
  }

  /** Sends the acknowledgements that are due, now and in one write. */
  sendAcks(): void {
    if (this.#isOver || !this.#isAccepted || this.#client.stream.destroyed) return;
    const due = this.acks.settle();
    if (due.length === 0) return;
    const { stream } = this.#client;
    // One segment: TCP would hold a ping of its own back until the acknowledgements have arrived.
    stream.cork();
    stream.write(encodePubacks(due));
    if (this.#onConfirmed !== undefined) {
      for (const owed of due) this.#sent.push(owed);
      this.#ping();
    }
    stream.uncork();
  }

  /** A broker takes packets in order: the answer to this ping says that it has the acknowledgements before it. */
  #ping(): void {
    if (this.#pinged !== null) return;
    this.#pinged = this.#sent;
    this.#sent = [];
    this.#client.stream.write(pingreq);
  }

  #confirm(): void {
    if (this.#pinged === null) return;
    this.#onConfirmed?.(this.#pinged);
    this.#pinged = null;
    if (this.#sent.length > 0) this.#ping();
  }

  /** Sends a message with QoS 0, as far as there is a connection. */
  send(topic: string, payload: Buffer): boolean {
    if (this.#isOver || !this.#isAccepted) return false;
    this.#client.publish(topic, payload, { qos: 0 });
    return true;
  }

  /** Says goodbye; the session stays with the broker (unless it was a clean one). Safe to call twice. */
  async close(): Promise<void> {
    if (this.#isOver || !this.#isAccepted) {
      this.destroy();
      return;
    }
    this.#client.end(false);
    const timer = setTimeout(() => this.#client.stream.destroy(), closeTimeoutMs);
    await this.closed;
    clearTimeout(timer);
  }

  /** Cuts the connection without a word, as a crash would. */
  destroy(): void {
    this.#client.end(true);
  }
}

function clientOptions(version: 4 | 5, settings: MqttSettings, clientId: string): IClientOptions {
  const options = connectOptions(version, settings, clientId);
  options.clean = settings.clean;
  if (version === 5) {
    options.properties = {
      sessionExpiryInterval: settings.clean ? 0 : settings.sessionExpiryS,
      // A hint only: brokers overrun it, so the window of the source is the real bound.
      receiveMaximum: settings.inflightMax,
      topicAliasMaximum: TOPIC_ALIASES_MAX,
    };
  }
  return options;
}

/** MQTT.js's options for one connection that nobody but us may open again. */
export function connectOptions(version: 4 | 5, settings: ConnectionSettings, clientId: string): IClientOptions {
  const options: IClientOptions = {
    protocolVersion: version,
    clientId,
    keepalive: settings.keepaliveS,
    connectTimeout: settings.connectTimeoutMs,
    // Our session decides when to connect again, and each connection is a new object.
    reconnectPeriod: 0,
    manualConnect: true,
    resubscribe: false,
    ...settings.tls,
  };
  if (settings.username !== '') options.username = settings.username;
  const password = settings.password.reveal();
  if (password !== '') options.password = password;
  if (settings.will !== null) options.will = settings.will;
  return options;
}
