/**
 * Opens the sink's connection with pg, which is loaded at the first use: a start without a sink does not pay for it.
 */
import type { Client } from 'pg';
import type { SinkSettings } from './sink-config.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** A connected client whose times are UTC. `onEnd` is called when the connection goes away by itself. */
export async function openSinkClient(
  settings: SinkSettings,
  name: string,
  onEnd: (client: Client) => void,
): Promise<Client> {
  const { default: pg } = await import('pg');
  const url = new URL(settings.url);
  const password = settings.password() ?? decodeURIComponent(url.password);
  const sslMode = url.searchParams.get('sslmode') ?? 'disable';
  const client = new pg.Client({
    host: url.hostname,
    port: Number(url.port || 5432),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: settings.user ?? url.searchParams.get('user') ?? decodeURIComponent(url.username),
    password: url.searchParams.get('password') ?? password,
    ssl: sslMode === 'disable' || sslMode === 'prefer' ? false : { rejectUnauthorized: sslMode.startsWith('verify') },
    application_name: `millrace ${name}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    // Statements are sent before the answer to the last one is there: the server works while we build the next.
    pipeline: true,
    options: '-c TimeZone=UTC -c DateStyle=ISO,YMD',
  });
  // The next query reports what happened; an unheard event would end the process.
  client.on('error', () => onEnd(client));
  client.on('end', () => onEnd(client));
  await client.connect();
  return client;
}
