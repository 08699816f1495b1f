/**
 * A port for a server that is told its port and cannot choose one itself. Somebody else may take it in between, so a server
 * that can listen on port 0 should.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A loopback port that nobody listened on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
