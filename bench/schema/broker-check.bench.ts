/**
 * What checking records costs the broker: batches of 200 B reports judged a second, framed and plain, beside JSON.parse
 * alone. Question: how much of a core does `schema.validation=value` take?
 */

import { BatchBuilder } from '../../broker/protocol/records.ts';
import { RecordValidation } from '../../broker/validation/record-validation.ts';
import { RegistryCore } from '../../schemas/core.ts';
import { RecordCheck } from '../../schemas/record-check.ts';
import { memoryStore } from '../../schemas/store/memory.ts';
import { withSchemaId } from '../../schemas/wire.ts';

const RECORDS = 500;
const ROUNDS = 400;

const schema = JSON.stringify({
  type: 'object',
  properties: {
    id: { type: 'string', pattern: '^T[0-9]{4}$' },
    seq: { type: 'integer', minimum: 1 },
    ts: { type: 'string', format: 'date-time' },
    lat: { type: 'number', minimum: -90, maximum: 90 },
    long: { type: 'number', minimum: -180, maximum: 180 },
    speed: { type: 'number', minimum: 0 },
    heading: { type: 'integer', minimum: 0, maximum: 359 },
  },
  required: ['id', 'seq', 'ts', 'lat', 'long'],
});

const core = new RegistryCore({ store: memoryStore() });
await core.start();
const { id } = await core.register('gps-value', { schemaType: 'JSON', schema });
const report = (seq: number) =>
  Buffer.from(
    JSON.stringify({
      id: 'T0001',
      seq,
      ts: '2026-01-01T00:00:00.000Z',
      lat: 53.55,
      long: 9.99,
      speed: 80,
      heading: 120,
      note: 'x'.repeat(80),
    }),
  );
const texts = Array.from({ length: RECORDS }, (_, seq) => report(seq + 1));

function batch(values: readonly Buffer[]): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(0, null, value, []);
  return builder.build({});
}

function perSecond(work: () => void): number {
  // Until the code that judges is compiled; else whoever is measured first pays for all.
  for (let round = 0; round < ROUNDS / 4; round++) work();
  const began = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) work();
  const { user, system } = process.cpuUsage(began);
  return Math.round((RECORDS * ROUNDS) / ((user + system) / 1e6));
}

const validation = new RecordValidation();
validation.use(new RecordCheck(core));
const wish = { sides: ['value'], strategy: 'topic', unframed: 'latest', deadLetterTopic: null } as const;
const framed = batch(texts.map((text) => withSchemaId(id, text)));
const plain = batch(texts);
console.log(
  `JSON.parse alone          ${perSecond(() => texts.map((text) => JSON.parse(text.toString())))} records/s of CPU`,
);
console.log(`judged, with schema id    ${perSecond(() => validation.judge(wish, 'gps', 0, framed, ''))}`);
console.log(`judged, plain JSON        ${perSecond(() => validation.judge(wish, 'gps', 0, plain, ''))}`);
await core.stop();
