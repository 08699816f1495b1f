/**
 * A look at what the MQTT source would read: a session of its own that ends with the look, subscribed with QoS 0, so that
 * the broker keeps nothing for us and nothing is acknowledged. Retained messages come at once, others as they are sent.
 */
import { randomUUID } from 'node:crypto';
import type { PreviewRequest, SourceRecord } from '../api/index.ts';
import { Delivery } from './ack-line.ts';
import type { MqttSettings } from './config.ts';
import { type ConnectionEvents, MqttConnection, type MqttLibrary } from './connection.ts';
import { shownServer } from './connection-config.ts';
import { mqttRefused } from './errors.ts';
import { RecordMaker } from './records.ts';
import { SparkplugReader } from './sparkplug/reader.ts';

/** Up to `max` records; fewer when the signal is aborted first. Rejects when no broker takes us. */
export async function sampleMessages(
  settings: MqttSettings,
  max: number,
  { signal, logger }: PreviewRequest,
): Promise<readonly SourceRecord[]> {
  const library = (await import('mqtt')).default as unknown as MqttLibrary;
  const { clientId, sparkplug } = settings;
  // Births are learned from what passes by; nobody is asked for any.
  const reader = sparkplug === null ? null : new SparkplugReader(clientId, sparkplug.isPerMetric, () => undefined);
  const maker = new RecordMaker(settings, { redeliveries: null, sparkplug: reader });
  const records: SourceRecord[] = [];
  const enough = Promise.withResolvers<void>();
  const events: ConnectionEvents = {
    onConnack() {},
    onPublish(_, packet, release) {
      release();
      if (records.length >= max) return;
      const delivery = new Delivery(packet.topic, packet.payload as Buffer);
      try {
        maker.add({ delivery, packet, receivedAt: Date.now() }, records);
      } catch (error) {
        logger.warn({ err: error }, `Bad input on ${packet.topic}: ${(error as Error).message}`);
      }
      if (records.length >= max) enough.resolve();
    },
  };
  const connection = await connect(library, settings, events);
  try {
    signal.addEventListener('abort', () => enough.resolve(), { once: true });
    void connection.closed.then(() => enough.resolve());
    await connection.subscribe(settings.filters.map(withoutShare), 0);
    if (!signal.aborted) await enough.promise;
  } finally {
    await connection.close();
  }
  return records.slice(0, max);
}

/** A member of a shared subscription would take messages away from the others. */
function withoutShare(filter: string): string {
  return filter.replace(/^\$share\/[^/]+\//, '');
}

async function connect(
  library: MqttLibrary,
  settings: MqttSettings,
  events: ConnectionEvents,
): Promise<MqttConnection> {
  const clientId = `millrace-preview-${randomUUID().slice(0, 8)}`;
  const versions = settings.protocol === 'auto' ? ([5, 4] as const) : ([settings.protocol] as const);
  let last: unknown;
  for (const server of settings.servers) {
    for (const version of versions) {
      const connection = new MqttConnection(library, server, version, { ...settings, clean: true }, events, clientId);
      try {
        await connection.open();
        return connection;
      } catch (error) {
        last = error;
      }
    }
  }
  throw mqttRefused(settings.servers.map(shownServer).join(', '), last);
}
