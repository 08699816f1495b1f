/**
 * Questions: how many requests a second does the registry answer, how fast is a 200 B record checked, and how long does
 * a start with 50,000 versions take?
 * Method: one process; CONNECTIONS sockets with PIPELINED requests each, so that the client costs little; beside it a
 * bare node:http server answering the same bytes. Validation: ajv compiled once, as the converter does, beside
 * JSON.parse alone, which nobody can beat. Median of three. Run: node bench/schema.bench.ts
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Ajv } from 'ajv';
import { startRegistry } from '../schemas/registry-server.ts';
import { memoryStore } from '../schemas/store/memory.ts';
import type { StoreRecord } from '../schemas/store/store.ts';
import { encodeKey, encodeSchemaValue } from '../schemas/store/topic-format.ts';
import { median, type Row, report, timed } from './report.ts';

const CONNECTIONS = 8;
const PIPELINED = 16;
const REQUESTS = Number(process.env.REQUESTS ?? 40_000);
const RECORDS = Number(process.env.RECORDS ?? 1_000_000);
const VERSIONS = Number(process.env.VERSIONS ?? 50_000);

const schema = JSON.stringify({
  type: 'object',
  properties: {
    truck: { type: 'string', pattern: '^T[0-9]+$' },
    lat: { type: 'number', minimum: -90, maximum: 90 },
    lon: { type: 'number', minimum: -180, maximum: 180 },
    speed: { type: 'number', minimum: 0 },
    at: { type: 'integer' },
    status: { enum: ['driving', 'loading', 'idle'] },
    sensors: { type: 'array', items: { type: 'number' }, maxItems: 16 },
  },
  required: ['truck', 'lat', 'lon', 'at'],
  additionalProperties: false,
});

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

async function requests(): Promise<void> {
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
  report(`Registry, ${CONNECTIONS} connections × ${PIPELINED} in flight`, 'requests', rows);
  bare.close();
  bare.closeAllConnections();
  await registry.stop();
}

async function validations(): Promise<void> {
  const record = JSON.stringify({
    truck: 'T4711',
    lat: 47.376887,
    lon: 8.541694,
    speed: 63.25,
    at: 1_795_254_815_830,
    status: 'driving',
    sensors: [21.5, 22.25, 19.75, 20.5, 1013.25, 1012.75, 0.5, 0.75, 98.5, 97.25, 3.5, 3.25, 12.5],
  });
  const validate = new Ajv({ strict: false }).compile(JSON.parse(schema) as object);
  const parsed: unknown = JSON.parse(record);
  const loop = (what: string, each: () => unknown): Promise<Row> =>
    median(3, () =>
      timed(what, RECORDS, async () => {
        let accepted = 0;
        for (let i = 0; i < RECORDS; i++) if (each() !== false) accepted++;
        if (accepted !== RECORDS) throw new Error('the record was refused');
      }),
    );
  const rows = [
    await loop('JSON.parse alone (the limit)', () => JSON.parse(record)),
    await loop('JSON.parse, then ajv', () => validate(JSON.parse(record))),
    await loop('ajv alone', () => validate(parsed)),
  ];
  report(`Validation of a record of ${record.length} bytes, one core`, 'records', rows);
}

async function start(): Promise<void> {
  const records: StoreRecord[] = Array.from({ length: VERSIONS }, (_, index) => {
    const [subject, version] = [`subject-${index % 5000}`, Math.floor(index / 5000) + 1];
    const text = schema.replace('{', `{"title":"${index}",`);
    const value = { subject, version, id: index + 1, schemaType: 'JSON', schema: text, deleted: false } as const;
    return {
      key: encodeKey({ keytype: 'SCHEMA', subject, version }),
      value: encodeSchemaValue({ ...value, references: [], metadata: null, ruleSet: null }),
      offset: index,
      timestamp: 1,
    };
  });
  const parse = await median(3, () =>
    timed('JSON.parse of keys and values alone (the limit)', VERSIONS, async () => {
      for (const { key, value } of records) {
        JSON.parse(key!.toString());
        JSON.parse(value!.toString());
      }
    }),
  );
  const whole = await median(3, async () => {
    let stop = async (): Promise<void> => {};
    const row = await timed('start to first answer', VERSIONS, async () => {
      const registry = await startRegistry({ host: '127.0.0.1', port: 0, store: memoryStore(records) });
      await (await fetch(`${registry.url}/schemas/ids/1`)).text();
      stop = () => registry.stop();
    });
    await stop();
    return row;
  });
  report(`Start with ${VERSIONS.toLocaleString('en')} versions: ${whole.ms.toFixed(0)} ms`, 'versions', [parse, whole]);
}

await requests();
await validations();
await start();
