/**
 * Every message in every version against the bytes that Kafka's own classes make of it (test/golden/messages.jsonl.gz,
 * made by scripts/golden/make-golden.ts): decoded to what Kafka reads, encoded to what Kafka writes, byte for byte.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { apis } from './messages/generated/apis.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

const golden = path.join(import.meta.dirname, '..', '..', 'test', 'golden', 'messages.jsonl.gz');
const generated = path.join(import.meta.dirname, 'messages', 'generated');

interface Vector {
  readonly name: string;
  readonly version: number;
  readonly json: Record<string, unknown>;
  readonly bytes: string;
}

interface Codec {
  readonly decode: (reader: Reader, version: number) => Record<string, unknown>;
  readonly encode: (writer: Writer, message: unknown, version: number) => void;
}

const vectors = zlib
  .gunzipSync(fs.readFileSync(golden))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

function fileOf(name: string): string {
  return `${name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()}.ts`;
}

async function codecOf(name: string): Promise<Codec> {
  const module = (await import(path.join(generated, fileOf(name)))) as Record<string, never>;
  return { decode: module[`decode${name}`]!, encode: module[`encode${name}`]! };
}

/** Kafka's JSON holds the fields of that version; ours holds all, and what Kafka omits is proved by the bytes. */
function assertSame(ours: unknown, kafkas: unknown, at: string): void {
  if (ours instanceof Uint8Array) {
    assert.equal(Buffer.from(ours).toString('base64'), kafkas, at);
  } else if (Array.isArray(kafkas)) {
    assert.equal((ours as unknown[]).length, kafkas.length, at);
    for (const [i, element] of kafkas.entries()) assertSame((ours as unknown[])[i], element, `${at}[${i}]`);
  } else if (typeof kafkas === 'object' && kafkas !== null) {
    for (const [key, value] of Object.entries(kafkas))
      assertSame((ours as Record<string, unknown>)[key], value, `${at}.${key}`);
  } else {
    assert.equal(ours, kafkas, at);
  }
}

for (const [name, group] of Map.groupBy(vectors, (vector) => vector.name)) {
  test(`${name} is read and written as Kafka does, in every version`, async () => {
    const { decode, encode } = await codecOf(name);
    for (const { version, json, bytes } of group) {
      const at = `${name} v${version}`;
      const reader = new Reader(Buffer.from(bytes, 'base64'));
      const message = decode(reader, version);
      reader.finish();
      assertSame(message, json, at);
      const writer = new Writer();
      encode(writer, message, version);
      assert.equal(writer.length, reader.end, at);
      assert.equal(writer.toBuffer().toString('base64'), bytes, at);
    }
  });
}

test('every generated message has vectors for every version it allows', async () => {
  const files = fs.readdirSync(generated).filter((file) => file !== 'apis.ts');
  const seen = new Set(vectors.map(({ name, version }) => `${fileOf(name)} ${version}`));
  for (const file of files) {
    const module = (await import(path.join(generated, file))) as Record<string, { min: number; max: number }>;
    const versions = Object.entries(module).find(([key]) => key.endsWith('Versions'))![1];
    for (let version = versions.min; version <= versions.max; version++) assert.ok(seen.has(`${file} ${version}`));
  }
});

test('the table of APIs is as wide as the reference says and has a response for each request', () => {
  assert.equal(apis.produce.max, 13);
  assert.equal(apis.fetch.max, 18);
  assert.equal(apis.initProducerId.max, 5, 'version 6 is not stable');
  for (const { name } of Object.values(apis)) {
    assert.ok(fs.existsSync(path.join(generated, fileOf(`${name}Response`))), name);
  }
});
