/** A server that goes away before it has answered is told, whatever it was asked. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { ConnectionLost } from '../errors.ts';
import { openSocket } from './socket.ts';

/** What the server does once the client has asked for TLS. */
let onRequest: (socket: Socket) => void = () => {};
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => onRequest(socket));
});
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

const open = () => {
  const { port } = server.address() as AddressInfo;
  return openSocket({ host: '127.0.0.1', port, tls: { mode: 'prefer' }, keepAlive: false, timeoutMs: 60_000 });
};

test('a server that hangs up instead of answering about TLS is a lost connection, at once', async () => {
  onRequest = (socket) => socket.end();
  await assert.rejects(open(), ConnectionLost);
});

test('a server that hangs up in the TLS handshake is a lost connection, at once', async () => {
  onRequest = (socket) => {
    socket.write('S');
    socket.once('data', () => socket.end());
  };
  await assert.rejects(open(), ConnectionLost);
});
