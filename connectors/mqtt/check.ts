/**
 * The MQTT source's look at the real world before it starts: is there a broker that takes us? Changes nothing: it
 * connects with a client id and a clean session of its own, so the task's session is not touched.
 */
import { randomUUID } from 'node:crypto';
import type { ConfigProblem } from '../api/index.ts';
import { type MqttSettings, shownServer } from './config.ts';
import { MqttConnection, type MqttLibrary } from './connection.ts';
import { reason } from './errors.ts';

/** A check is for somebody who waits in front of a screen. */
const checkTimeoutMs = 5_000;

/** One problem per broker that does not take us. */
export async function checkBrokers(settings: MqttSettings): Promise<readonly ConfigProblem[]> {
  const library = (await import('mqtt')).default as unknown as MqttLibrary;
  const problems: ConfigProblem[] = [];
  for (const server of settings.servers) {
    const error = await tryServer(library, server, settings);
    if (error === null) continue;
    problems.push({
      key: 'mqtt.server.uri',
      value: shownServer(server),
      message: `The MQTT broker ${shownServer(server)} does not take our connection: ${reason(error)}. Start it, or correct the URL, user name and password.`,
    });
  }
  return problems;
}

async function tryServer(library: MqttLibrary, server: string, settings: MqttSettings): Promise<Error | null> {
  const gentle = {
    ...settings,
    clean: true,
    connectTimeoutMs: Math.min(settings.connectTimeoutMs, checkTimeoutMs),
  };
  const clientId = `millrace-check-${randomUUID().slice(0, 8)}`;
  const versions = settings.protocol === 'auto' ? ([5, 4] as const) : ([settings.protocol] as const);
  let last: Error | null = null;
  for (const version of versions) {
    const connection = new MqttConnection(library, server, version, gentle, noEvents, clientId);
    try {
      await connection.open();
      await connection.close();
      return null;
    } catch (error) {
      last = error as Error;
    }
  }
  return last;
}

const noEvents = {
  onConnack(): void {},
  onPublish(_from: unknown, _packet: unknown, release: () => void): void {
    release();
  },
};
