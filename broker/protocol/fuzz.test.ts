/**
 * Arbitrary bytes against everything here that reads: it answers or throws the one typed error, in bounded time and
 * memory. The seed is printed on failure; FUZZ_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import zlib from 'node:zlib';
import { compressionCodecs, decompress } from './compression.ts';
import { readMarker } from './control-record.ts';
import { ProtocolError } from './errors.ts';
import { decodeRequestHeader } from './frame.ts';
import { Reader } from './reader.ts';
import * as batches from './record-batch.ts';
import { BatchBuilder, readRecords } from './records.ts';

const seed = Number(process.env.FUZZ_SEED ?? 20_261_122);
const generated = path.join(import.meta.dirname, 'messages', 'generated');
const golden = path.join(import.meta.dirname, '..', '..', 'test', 'golden', 'messages.jsonl.gz');
/** A decoder may make objects of a frame's bytes, but never more than so many for each of them. */
const heapBytesPerFrameByte = 400;

/** mulberry32 */
function randomOf(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Decoder {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly decode: (reader: Reader, version: number) => unknown;
}

const decoders: Decoder[] = [];

before(async () => {
  for (const file of fs.readdirSync(generated).filter((name) => name !== 'apis.ts')) {
    const module = (await import(path.join(generated, file))) as Record<string, never>;
    const entry = Object.entries(module).find(([key]) => key.endsWith('Versions'))!;
    const name = entry[0][0]!.toUpperCase() + entry[0].slice(1, -'Versions'.length);
    const { min, max } = entry[1] as { min: number; max: number };
    decoders.push({ name, min, max, decode: module[`decode${name}`]! });
  }
});

function attempt(what: string, work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw new Error(`${what}, FUZZ_SEED=${seed}`, { cause: error });
  }
}

/** Mostly small numbers, because lengths and counts are what leads a decoder astray. */
function noise(random: () => number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const zeros = random();
  for (let i = 0; i < length; i++) bytes[i] = random() < zeros ? Math.floor(random() * 4) : Math.floor(random() * 256);
  return bytes;
}

test('noise ends every decoder in a message or a ProtocolError', () => {
  const random = randomOf(seed);
  for (const { name, min, max, decode } of decoders) {
    for (let version = min; version <= max; version++) {
      for (let round = 0; round < 20; round++) {
        const bytes = noise(random, Math.floor(random() * 300));
        attempt(`${name} v${version} of ${bytes.toString('hex')}`, () => {
          const reader = new Reader(bytes);
          decode(reader, version);
          reader.finish();
        });
      }
    }
  }
});

test('true messages with a few bytes changed or cut off do no more harm', () => {
  const random = randomOf(seed + 1);
  const byName = new Map(decoders.map((decoder) => [decoder.name, decoder]));
  const lines = zlib.gunzipSync(fs.readFileSync(golden)).toString().trimEnd().split('\n');
  for (const line of lines) {
    const { name, version, bytes } = JSON.parse(line) as { name: string; version: number; bytes: string };
    for (let round = 0; round < 4; round++) {
      const whole = Buffer.from(bytes, 'base64');
      const changed = whole.subarray(0, random() < 0.3 ? Math.floor(random() * whole.length) : whole.length);
      for (let i = 0; i < 3 && changed.length > 0; i++)
        changed[Math.floor(random() * changed.length)]! ^= 1 << Math.floor(random() * 8);
      attempt(`${name} v${version} of ${changed.toString('hex')}`, () =>
        byName.get(name)!.decode(new Reader(changed), version),
      );
    }
  }
});

test('a frame of nothing but lies about lengths costs no more than its size', () => {
  const frame = 4 * 1024 * 1024;
  for (const fill of [0x00, 0x01, 0x7f, 0xff]) {
    const bytes = Buffer.alloc(frame, fill);
    for (const { name, max, decode } of decoders) {
      const before = process.memoryUsage().heapUsed;
      const began = performance.now();
      attempt(`${name} of ${fill}`, () => decode(new Reader(bytes), max));
      assert.ok(performance.now() - began < 60_000, `${name} took too long on ${fill}`);
      const grown = process.memoryUsage().heapUsed - before;
      assert.ok(grown < heapBytesPerFrameByte * frame, `${name} took ${grown} bytes for ${frame} of ${fill}`);
    }
  }
});

test('a frame of millions of tiny elements is refused before they fill the memory', () => {
  // Each topic is an empty name and no tags: two bytes here, an object there.
  const topics = 3_000_000;
  const frame = Buffer.alloc(5 + 2 * topics, Buffer.from([0x01, 0x00]));
  let rest = topics + 1;
  let at = 0;
  for (; rest >= 0x80; rest >>>= 7) frame[at++] = (rest & 0x7f) | 0x80;
  frame[at++] = rest;
  const { decode } = decoders.find(({ name }) => name === 'DescribeTopicPartitionsRequest')!;
  assert.throws(() => decode(new Reader(frame), 0), /more than 1048576 elements/);
});

test('a tag that comes twice is refused, one nobody knows is passed over', () => {
  const header = Buffer.from('0012000400000001ffff', 'hex');
  const tags = (hex: string): Reader => new Reader(Buffer.concat([header, Buffer.from(hex, 'hex')]));
  assert.equal(decodeRequestHeader(tags('010902aabb'), () => true).apiKey, 18);
  assert.throws(() => decodeRequestHeader(tags('02090009'), () => true), /tags must rise/);
  assert.throws(() => decodeRequestHeader(tags('010905aa'), () => true), ProtocolError);
});

test('damaged batches, markers and compressed bytes end in records or a ProtocolError', () => {
  const random = randomOf(seed + 2);
  for (let round = 0; round < 1500; round++) {
    const codec = compressionCodecs[Math.floor(random() * compressionCodecs.length)]!;
    const builder = new BatchBuilder();
    for (let i = 0; i < 5; i++) {
      const headers = i % 2 === 0 ? [] : [{ key: 'h', value: noise(random, 3) }];
      builder.append(1_790_000_000_000 + i, noise(random, 5), noise(random, 40), headers);
    }
    const batch = builder.build({ codec });
    const from = random() < 0.5 ? batches.batchHeaderBytes : 0;
    for (let i = 0; i < 3; i++)
      batch[from + Math.floor(random() * (batch.length - from))]! ^= 1 << Math.floor(random() * 8);
    const what = `${codec} batch ${batch.toString('hex')}`;
    attempt(what, () => readRecords(batch));
    attempt(what, () => readMarker(batch));
    attempt(what, () => [...batches.batchStarts(batch)]);
    batches.checkBatch(batch);
    const bytes = noise(random, 80);
    attempt(`${codec} of ${bytes.toString('hex')}`, () => decompress(codec, bytes, 1024 * 1024));
  }
});
