/**
 * What belongs to one MQTT session of a task: its own, or that of a former task which it empties. Turns what arrives into
 * records under the session's client id, and remembers what the broker may send again. No I/O.
 */
import type { IPublishPacket } from 'mqtt';
import type { SourceRecord } from '../api/index.ts';
import { Delivery, type Owed } from './ack-line.ts';
import type { MqttSettings } from './config.ts';
import type { MqttConnection } from './connection.ts';
import { type Arrival, RecordMaker } from './records.ts';
import { Redeliveries } from './redeliveries.ts';
import type { LostSession } from './session.ts';
import type { SparkplugReader } from './sparkplug/reader.ts';

/** A message on its way, with the session it came in. */
export interface Waiting extends Arrival {
  readonly intake: Intake;
}

export class Intake {
  readonly clientId: string;
  readonly #settings: MqttSettings;
  readonly #maker: RecordMaker;
  /** Null: nobody asked to recognise redeliveries. */
  readonly #redeliveries: Redeliveries | null;

  /** `unacked`: what an earlier run's source offset says of messages that may come again. */
  constructor(settings: MqttSettings, unacked: string, sparkplug: SparkplugReader | null) {
    this.clientId = settings.clientId;
    this.#settings = settings;
    this.#redeliveries = settings.dedupe ? new Redeliveries() : null;
    this.#redeliveries?.restore(unacked);
    this.#maker = new RecordMaker(settings, { redeliveries: this.#redeliveries, sparkplug });
  }

  connected(isSessionPresent: boolean): void {
    this.#redeliveries?.connected(isSessionPresent);
  }

  confirmed(owed: readonly Owed[]): void {
    this.#redeliveries?.confirmed(owed);
  }

  /** The message as it goes on, or null when it is with us already: then only its acknowledgement is owed, and noted. */
  take(connection: MqttConnection, packet: IPublishPacket): Waiting | null {
    const payload = packet.payload as Buffer;
    if (packet.qos === 0) return this.#waiting(new Delivery(packet.topic, payload), packet);
    const packetId = packet.messageId!;
    const earlier = this.#redeliveries?.match(packetId, packet.topic, payload, packet.dup) ?? null;
    if (earlier !== null) {
      if (earlier instanceof Delivery) earlier.sender = connection;
      connection.acks.owe(earlier);
      connection.scheduleAcks();
      return null;
    }
    const delivery = new Delivery(packet.topic, payload, packetId, connection);
    connection.acks.owe(delivery);
    this.#redeliveries?.received(delivery);
    return this.#waiting(delivery, packet);
  }

  #waiting(delivery: Delivery, packet: IPublishPacket): Waiting {
    return { delivery, packet, receivedAt: Date.now(), intake: this };
  }

  /** Adds its records and answers how many: 0 when it is to be ignored. Throws DataError when it cannot become a record. */
  addRecords(arrival: Arrival, into: SourceRecord[]): number {
    if (this.#settings.skipRetained && arrival.packet.retain) return 0;
    return this.#maker.add(arrival, into);
  }

  /** Where a bad message came from, for its dead letter. */
  sourceOf({ packet }: Arrival): Record<string, string | number | null> {
    return { 'mqtt.client.id': this.clientId, topic: packet.topic, packetId: packet.messageId ?? null };
  }

  /** A record that tells readers of a gap; null where nobody asked for one. */
  gapRecord(lost: LostSession): SourceRecord | null {
    const { gapTopic, filters, tasks, clientId } = this.#settings;
    if (gapTopic === null) return null;
    const detectedAt = Date.now();
    return {
      sourcePartition: this.#maker.sourcePartition,
      sourceOffset: { filters, tasks },
      topic: gapTopic,
      partition: null,
      keySchema: null,
      key: clientId,
      valueSchema: null,
      value: {
        type: 'session-lost',
        clientId,
        server: lost.server,
        filters: [...filters],
        awaySince: lost.awaySince,
        detectedAt,
      },
      headers: [],
      timestamp: detectedAt,
    };
  }
}
