/**
 * Questions: how fast is a 200-byte telemetry record validated here, beside what the JVM and Python have; how fast does the
 * broker judge records; how many requests a second does the registry answer; how long does a start with 50,000 versions
 * take? Run: node bench/schema/compare.bench.ts [rounds]. Writes docs/benchmarks-schema.md in about four minutes; needs a
 * JDK, Maven and Python the first time.
 *
 * Method: every validator takes turns, round by round, on one thread; counted is the thread's CPU time, so that a busy
 * machine harms nobody; the best of the rounds counts for each.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import { RecordValidation } from '../../broker/validation/record-validation.ts';
import { RegistryCore } from '../../schemas/core.ts';
import { RecordCheck } from '../../schemas/record-check.ts';
import { memoryStore } from '../../schemas/store/memory.ts';
import { compileForBytes } from '../../schemas/validation/compile.ts';
import { withSchemaId } from '../../schemas/wire.ts';
import { machine, type Row } from '../report.ts';
import { installPeers, measurePeer, PEERS, type Peer, type Rates } from './peers.ts';
import { registryRequests } from './registry.ts';
import { registryStart } from './start.ts';
import { record, schema } from './telemetry.ts';

const ROUNDS = Number(process.argv[2] ?? 2);
const COUNT = 300_000;
const BATCH = 500;

/** Per second of CPU time: the best of five rounds after one to warm up, as the peers measure themselves. */
function perSecond(count: number, work: () => void): number {
  let best = 0;
  for (let round = 0; round < 6; round++) {
    const began = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(began);
    if (round > 0) best = Math.max(best, count / ((user + system) / 1e6));
  }
  return Math.round(best);
}

function ours(): Rates {
  const { validate, fits } = compileForBytes(schema, []);
  const bytes = Buffer.from(record);
  const parsed: unknown = JSON.parse(record);
  const repeat = (each: () => unknown) =>
    perSecond(COUNT, () => {
      for (let i = 0; i < COUNT; i++) if (each() !== true) throw new Error('the record was refused');
    });
  return {
    parsed: repeat(() => validate(parsed)),
    bytes: repeat(() => fits(bytes, 0) || validate(JSON.parse(bytes.toString()))),
  };
}

/** Records per second of CPU as the broker judges them: whole batches, with a schema's id or plain. */
async function broker(): Promise<{ readonly framed: number; readonly plain: number }> {
  const core = new RegistryCore({ store: memoryStore() });
  await core.start();
  const { id } = await core.register('gps-value', { schemaType: 'JSON', schema });
  const validation = new RecordValidation();
  validation.use(new RecordCheck(core));
  const wish = { sides: ['value'], strategy: 'topic', unframed: 'latest', deadLetterTopic: null } as const;
  const judged = (value: Buffer) => {
    const builder = new BatchBuilder();
    for (let i = 0; i < BATCH; i++) builder.append(0, null, value, []);
    const batch = builder.build({});
    return perSecond(COUNT, () => {
      for (let i = 0; i < COUNT / BATCH; i++) validation.judge(wish, 'gps', 0, batch, '');
    });
  };
  const plain = Buffer.from(record);
  const rates = { framed: judged(withSchemaId(id, plain)), plain: judged(plain) };
  await core.stop();
  return rates;
}

const best = (a: Rates | undefined, b: Rates): Rates => ({
  parsed: Math.max(a?.parsed ?? 0, b.parsed),
  bytes: Math.max(a?.bytes ?? 0, b.bytes),
});

async function validators(): Promise<ReadonlyMap<'millrace' | Peer, Rates>> {
  installPeers();
  const folder = mkdtempSync(join(tmpdir(), 'bench-schema-'));
  const [schemaFile, recordFile] = [join(folder, 'schema.json'), join(folder, 'record.json')];
  writeFileSync(schemaFile, schema);
  writeFileSync(recordFile, record);
  const found = new Map<'millrace' | Peer, Rates>();
  for (let round = 0; round < ROUNDS; round++) {
    found.set('millrace', best(found.get('millrace'), ours()));
    for (const peer of Object.keys(PEERS) as Peer[]) {
      found.set(peer, best(found.get(peer), measurePeer(peer, schemaFile, recordFile)));
    }
  }
  rmSync(folder, { recursive: true });
  return found;
}

const number = (value: number) => Math.round(value).toLocaleString('en');
const rate = ({ count, ms }: Row) => (count / ms) * 1000;

function page(
  rates: ReadonlyMap<'millrace' | Peer, Rates>,
  judged: { readonly framed: number; readonly plain: number },
  requests: readonly Row[],
  starts: readonly Row[],
): string {
  const mine = rates.get('millrace')!;
  const names = { millrace: 'Millrace (ajv as the registry sets it up; bytes are judged where they lie)', ...PEERS };
  const lines = [...rates].map(([name, { parsed, bytes }]) => {
    const ratio = (a: number, b: number) => (name === 'millrace' ? '' : `${(a / b).toFixed(1)} ×`);
    return `| ${names[name]} | ${number(parsed)} | ${ratio(mine.parsed, parsed)} | ${number(bytes)} | ${ratio(mine.bytes, bytes)} |`;
  });
  return `# The schema registry, measured

\`node bench/schema/compare.bench.ts\` validates one telemetry record (${record.length} bytes, draft 7, formats checked) with our validator and with
what the JVM and Python have, round by round in one run, then asks a registry and starts it. Counted is the CPU time of one thread:
a rate per core, whatever else the machine does.

${machine()} · load ${began}

## Validations per second and core

| validator | parsed once | ours is | from bytes, parsed each time | ours is |
|---|---:|---:|---:|---:|
${lines.join('\n')}

The broker judges whole batches (\`schema.validation=value\`): ${number(judged.framed)} records per second and core with a schema's id,
${number(judged.plain)} as plain JSON.

## Requests per second

One process, the client's cost included; the first row is what node:http makes of the same bytes.

| request | per second |
|---|---:|
${requests.map((row) => `| ${row.what} | ${number(rate(row))} |`).join('\n')}

## Start

\`millrace up\`, from the start of its process (broker, worker and console included) to the registry's first answer; median of five,
in turns.

| what the registry keeps | ms | of the first |
|---|---:|---:|
${starts.map(({ what, ms }) => `| ${what} | ${number(ms)} | ${(ms / starts[0]!.ms).toFixed(2)} × |`).join('\n')}
`;
}

/** Says how far the figures per second of the clock may be trusted. */
const began = loadavg()[0]!.toFixed(1);
const rates = await validators();
const judged = await broker();
const requests = await registryRequests();
const text = page(rates, judged, requests, await registryStart());
writeFileSync(join(import.meta.dirname, '../../docs/benchmarks-schema.md'), text);
console.log(text);
