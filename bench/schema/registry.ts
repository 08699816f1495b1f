/**
 * How many requests a second the registry answers.
 *
 * One process; CONNECTIONS sockets with PIPELINED requests each, so that the client costs little; beside it a bare
 * node:http server that answers the same bytes. Median of three.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { startRegistry } from '../../schemas/registry-server.ts';
import { memoryStore } from '../../schemas/store/memory.ts';
import { median, type Row, timed } from '../report.ts';
import { schema } from './telemetry.ts';

const CONNECTIONS = 8;
const PIPELINED = 16;
const REQUESTS = Number(process.env.REQUESTS ?? 20_000);

/** Sends `count` requests and resolves when as many answers have come back. */
async function ask(url: string, request: (index: number) => string, count: number): Promise<void> {
  const { hostname, port } = new URL(url);
  let sent = 0;
  const one = async (): Promise<void> => {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    await once(socket, 'connect');
    let waiting = 0;
    let rest = '';
    const fill = (): void => {
      let batch = '';
      while (waiting < PIPELINED && sent < count) {
        batch += request(sent++);
        waiting++;
      }
      if (batch !== '') socket.write(batch);
      else if (waiting === 0) socket.end();
    };
    socket.on('data', (data) => {
      rest += data.toString('latin1');
      for (;;) {
        const end = rest.indexOf('\r\n\r\n');
        if (end === -1) break;
        const length = Number(/content-length: (\d+)/i.exec(rest.slice(0, end))?.[1] ?? 0);
        if (rest.length < end + 4 + length) break;
        if (!rest.startsWith('HTTP/1.1 200')) throw new Error(rest.slice(0, 500));
        rest = rest.slice(end + 4 + length);
        waiting--;
      }
      fill();
    });
    fill();
    await once(socket, 'close');
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

const get = (path: string) => () => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

function post(path: (index: number) => string, body: (index: number) => object) {
  return (index: number): string => {
    const text = JSON.stringify(body(index));
    const head = `POST ${path(index)} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
    return `${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  };
}

/** Requests per second; the first row is the limit. */
export async function registryRequests(): Promise<readonly Row[]> {
  const registry = await startRegistry({ host: '127.0.0.1', port: 0, store: memoryStore() });
  await registry.core.register('trucks-value', { schemaType: 'JSON', schema });
  const same = await (await fetch(`${registry.url}/schemas/ids/1`)).text();
  const bare = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(same) });
    response.end(same);
  }).listen(0, '127.0.0.1');
  await once(bare, 'listening');
  const bareUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}`;

  let run = 0;
  const known = { schemaType: 'JSON', schema };
  const measured = (what: string, url: string, request: (index: number) => string, count = REQUESTS): Promise<Row> =>
    median(3, () => {
      run++;
      return timed(what, count, () => ask(url, request, count));
    });
  const rows = [
    await measured('bare node:http, the same bytes (the limit)', bareUrl, get('/schemas/ids/1')),
    await measured('GET /schemas/ids/1', registry.url, get('/schemas/ids/1')),
    await measured('GET /subjects/…/versions/latest', registry.url, get('/subjects/trucks-value/versions/latest')),
    await measured(
      'POST /subjects/… (lookup)',
      registry.url,
      post(
        () => '/subjects/trucks-value',
        () => known,
      ),
    ),
    await measured(
      'POST …/versions, known schema',
      registry.url,
      post(
        () => '/subjects/trucks-value/versions',
        () => known,
      ),
    ),
    await measured(
      'POST …/versions, new schema (parsed, checked, written)',
      registry.url,
      post(
        (index) => `/subjects/s-${run}-${index}/versions`,
        (index) => ({ schemaType: 'JSON', schema: schema.replace('{', `{"title":"${run}-${index}",`) }),
      ),
      REQUESTS / 8,
    ),
  ];
  bare.close();
  bare.closeAllConnections();
  await registry.stop();
  return rows;
}
