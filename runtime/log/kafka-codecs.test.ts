/** Compression levels through kafkajs, which knows none: what its table of codecs is made to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { decompress } from '../../broker/protocol/compression.ts';
import { compressionOf } from './kafka-codecs.ts';

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
}

const packed = async (settings: Record<string, string>, buffer: Buffer) => {
  const codecs = kafkajs.CompressionCodecs as Record<number, (() => Codec) | undefined>;
  return codecs[compressionOf(settings)]!().compress({ buffer });
};
const text = Buffer.from(Array.from({ length: 4_000 }, (_, index) => `${(index * 7919) % 1013}`).join(' '));

for (const [codec, type, quick, small] of [
  ['gzip', CompressionTypes.GZIP, '1', '9'],
  ['zstd', CompressionTypes.ZSTD, '-131072', '22'],
] as const) {
  test(`${codec}: the level decides the size, and the batch says the same codec`, async () => {
    const sizes: number[] = [];
    for (const level of [quick, small]) {
      const settings = { 'compression.type': codec, [`compression.${codec}.level`]: level };
      assert.equal(compressionOf(settings) & 7, type);
      const bytes = await packed(settings, text);
      assert.deepEqual(decompress(codec, bytes), text);
      sizes.push(bytes.length);
    }
    assert.ok(sizes[1]! < sizes[0]!, sizes.join(' and '));
  });
}

test('a level of another codec changes nothing', () => {
  const settings = { 'compression.type': 'lz4', 'compression.gzip.level': '9' };
  assert.equal(compressionOf(settings), CompressionTypes.LZ4);
});
