/**
 * The look of the MQTT connectors at the real world before they start: is there a broker that takes us? Changes nothing: it
 * connects with a client id and a clean session of its own, so no task's session is touched.
 */
import { randomUUID } from 'node:crypto';
import type { ConfigProblem } from '../api/index.ts';
import type { MqttLibrary } from './connection.ts';
import { type ConnectionSettings, shownServer } from './connection-config.ts';
import { reason } from './errors.ts';
import { Publisher } from './publisher.ts';

/** A check is for somebody who waits in front of a screen. */
const checkTimeoutMs = 5_000;

/** One problem per broker that does not take us. */
export async function checkBrokers(settings: ConnectionSettings): Promise<readonly ConfigProblem[]> {
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

async function tryServer(library: MqttLibrary, server: string, settings: ConnectionSettings): Promise<unknown> {
  const gentle = {
    ...settings,
    servers: [server],
    will: null,
    connectTimeoutMs: Math.min(settings.connectTimeoutMs, checkTimeoutMs),
  };
  try {
    const connection = await Publisher.open(library, gentle, `millrace-check-${randomUUID().slice(0, 8)}`);
    await connection.close();
    return null;
  } catch (error) {
    return (error as Error).cause;
  }
}
