/**
 * One network connection to an MQTT broker for the sink: publishes, and knows when the broker has taken each message.
 *
 * Serves one connection and is never reused; whoever uses it sends again what was not acknowledged. Step 10 of the
 * record's journey.
 */
import type { IClientPublishOptions, IConnackPacket, MqttClient, Packet } from 'mqtt';
import { connectOptions, type MqttLibrary } from './connection.ts';
import { type ConnectionSettings, shownServer } from './connection-config.ts';
import { mqttUnavailable, reason } from './errors.ts';

/** How long a polite goodbye may take before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 2_000;
/** MQTT 5, 3.1.2.11.3: what a broker takes at once when it does not say. */
const RECEIVE_MAXIMUM_DEFAULT = 65_535;

export class Publisher {
  readonly server: string;
  readonly version: 4 | 5;
  /** Messages the broker takes before it has acknowledged the first. */
  readonly receiveMaximum: number;
  readonly #client: MqttClient;
  /** Rejects when the connection ends, whoever ended it. */
  readonly #lost: Promise<never>;
  #isOver = false;

  private constructor(
    client: MqttClient,
    server: string,
    version: 4 | 5,
    receiveMaximum: number,
    lost: Promise<never>,
  ) {
    this.#client = client;
    this.server = server;
    this.version = version;
    this.receiveMaximum = receiveMaximum;
    this.#lost = lost;
    lost.catch(() => {
      this.#isOver = true;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Connects to the first server that takes us; throws RetriableError when none does. */
  static async open(library: MqttLibrary, settings: ConnectionSettings, clientId: string): Promise<Publisher> {
    let last: unknown;
    for (const server of settings.servers) {
      for (const version of settings.protocol === 'auto' ? ([5, 4] as const) : ([settings.protocol] as const)) {
        try {
          return await Publisher.#openOne(library, settings, server, version, clientId);
        } catch (error) {
          last = error;
        }
      }
    }
    throw mqttUnavailable(settings.servers.map(shownServer), last);
  }

  static async #openOne(
    library: MqttLibrary,
    settings: ConnectionSettings,
    server: string,
    version: 4 | 5,
    clientId: string,
  ): Promise<Publisher> {
    const client = library.connect(server, { ...connectOptions(version, settings, clientId), clean: true });
    let cause: Error | null = null;
    client.on('error', (error) => {
      cause ??= error as Error;
    });
    const lost = new Promise<never>((_, reject) => {
      client.on('close', () => reject(cause ?? new Error('the connection was closed')));
    });
    lost.catch(() => undefined);
    const accepted = new Promise<IConnackPacket>((resolve) => {
      client.on('packetreceive', (packet: Packet) => {
        if (packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode ?? 0) === 0) resolve(packet);
      });
    });
    client.connect();
    try {
      const connack = await Promise.race([accepted, lost]);
      const receiveMaximum = connack.properties?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT;
      return new Publisher(client, shownServer(server), version, receiveMaximum, lost);
    } catch (error) {
      client.end(true);
      throw error;
    }
  }

  /**
   * Resolves when the broker has the message (QoS 0: when it has left). Rejects with the broker's refusal, or with
   * RetriableError when the connection ends before the answer.
   */
  async publish(topic: string, payload: Buffer, options: IClientPublishOptions): Promise<void> {
    const published = this.#client.publishAsync(topic, payload, options);
    published.catch(() => undefined);
    try {
      await Promise.race([published, this.#lost]);
    } catch (error) {
      if (this.#isOver) throw mqttUnavailable([this.server], reason(error));
      throw error;
    }
  }

  /** Says goodbye. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    const timer = setTimeout(() => this.#client.end(true), CLOSE_TIMEOUT_MS);
    await this.#client.endAsync(false).catch(() => undefined);
    clearTimeout(timer);
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#client.end(true);
  }
}
