/** What kafkajs is handed of a broker's bytes, by a server that says them in pieces. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { wholeResponses } from './kafka-socket.ts';

function response(text: string): Buffer {
  const bytes = Buffer.from(`....${text}`);
  bytes.writeInt32BE(text.length, 0);
  return bytes;
}

test('responses come whole whatever their pieces, and half a one of a broker that dies is not handed over', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const seen: Buffer[] = [];
  const bytesSeen = () => Buffer.concat(seen).length;
  /** Writes the pieces, each by itself, and waits until that much has come. */
  const say = async (peer: Socket, pieces: readonly Buffer[], until: number) => {
    peer.setNoDelay(true);
    for (const piece of pieces) {
      peer.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const deadline = Date.now() + 60_000;
    while (bytesSeen() < until) {
      assert.ok(Date.now() < deadline, `only ${bytesSeen()} of ${until} bytes came`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const open = async () => {
    const accepted = once(server, 'connection');
    const socket = wholeResponses({ host: '127.0.0.1', port, ssl: false as never, onConnect: () => {} });
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (bytes) => void seen.push(bytes));
    const [peer] = (await accepted) as [Socket];
    return { socket, peer };
  };

  const first = await open();
  const [one, two, long] = [response('one'), response('two'), response('x'.repeat(100_000))];
  const both = Buffer.concat([one, two, response('')]);
  await say(
    first.peer,
    [...both].map((byte) => Buffer.of(byte)),
    both.length,
  );
  const half = Buffer.concat([one, long.subarray(0, 50_000)]);
  await say(first.peer, [half], both.length + one.length);
  first.peer.destroy();
  await once(first.socket, 'close');
  assert.ok(Buffer.concat(seen).equals(Buffer.concat([both, one])), 'the half was handed over');

  seen.length = 0;
  const second = await open();
  const later = Buffer.concat([two, long, one]);
  await say(second.peer, [later.subarray(0, 2), later.subarray(2, 70_000), later.subarray(70_000)], later.length);
  assert.ok(Buffer.concat(seen).equals(later), 'other bytes came than were said');
  for (const bytes of seen) assert.ok(bytes.length >= 7, 'a piece of a response was handed over');
});
