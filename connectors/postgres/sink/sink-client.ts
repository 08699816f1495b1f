/**
 * Opens the sink's connection with pg, which is loaded at the first use: a start without a sink does not pay for it.
 */
import type { Client } from 'pg';
import type { SinkSettings } from './sink-config.ts';
import { addressOf, tlsOf } from './sink-url.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A server whose machine is gone answers nothing for ever; unasked, the system first looks after two hours. */
const KEEP_ALIVE_MS = 10_000;

/** A connected client in the sink's time zone. `onEnd` is called when the connection goes away by itself. */
export async function openSinkClient(
  settings: SinkSettings,
  name: string,
  onEnd: (client: Client) => void,
): Promise<Client> {
  const { default: pg } = await import('pg');
  const address = addressOf(settings.url);
  const search = address.searchPath === null ? '' : ` -c search_path=${escaped(address.searchPath)}`;
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.database,
    user: settings.user ?? address.user ?? '',
    password: settings.password() ?? address.password ?? '',
    ssl: tlsOf(address),
    application_name: `millrace ${name}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    // Statements are sent before the answer to the last one is there: the server works while we build the next.
    pipeline: true,
    options: `-c TimeZone=${escaped(settings.timeZone)} -c DateStyle=ISO,YMD${search}`,
  });
  // The next query reports what happened; an unheard event would end the process.
  client.on('error', () => onEnd(client));
  client.on('end', () => onEnd(client));
  await client.connect();
  return client;
}

/** A word of the startup packet's options: a space would end it (libpq, "options"). */
function escaped(text: string): string {
  return text.replace(/[\\ ]/g, '\\$&');
}
