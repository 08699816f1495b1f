import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { unpack } from './unpack.ts';

const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('abc')]);
const texts = [
  '',
  'x',
  'y'.repeat(300_000),
  'z'.repeat(200),
  Array.from({ length: 1_500 }, (_, i) => `${i * 7}`).join(),
];
const withChecksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

for (const [archive, packed] of [
  ['gzip', texts.map((text) => gzipSync(text))],
  [
    'zstd',
    [
      ...texts.map((text) => zstdCompressSync(text)),
      skippable,
      ...texts.map((text) => zstdCompressSync(text, withChecksum)),
    ],
  ],
] as const) {
  test(`All of ${archive} is unpacked, however many frames stand in a piece and wherever pieces end`, async () => {
    const bytes = Buffer.concat(packed);
    const expected = archive === 'gzip' ? texts.join('') : texts.join('') + texts.join('');
    for (const size of [1, 7, 1000, 65_536, bytes.length]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const found = await buffer(unpack(Readable.from(pieces), archive));
      assert.equal(found.toString() === expected, true, `pieces of ${size} bytes`);
    }
  });

  test(`A ${archive} archive that is cut off, or followed by something else, is an error`, async () => {
    const bytes = Buffer.concat(packed);
    await assert.rejects(buffer(unpack(Readable.from([bytes.subarray(0, bytes.length - 3)]), archive)));
    await assert.rejects(buffer(unpack(Readable.from([packed[2]!.subarray(1)]), archive)));
  });
}
