/** The log commands on the files of a log, one of them damaged: run as a user runs them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { disk } from '../broker/fs/disk.ts';
import { defaultLogConfig } from '../broker/log/config.ts';
import { LogDirectory } from '../broker/log/log-directory.ts';
import { append, batchOf, directoryDefaults, testTopicId } from '../test/kit/log.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

function millrace(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'log', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, out: stdout, err: stderr };
}

it('millrace log verifies, inspects and dumps the files of a log, and names what is wrong with them', async (test) => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  test.after(() => rmSync(dir, { recursive: true }));
  const directory = LogDirectory.open({ ...directoryDefaults(disk), path: dir });
  const log = directory.create('t', 0, testTopicId, defaultLogConfig);
  await append(log, batchOf({ keys: ['a', 'b'], values: ['1', null] }));
  await append(
    log,
    batchOf({ keys: ['c'], values: ['3'], producerId: 9, producerEpoch: 0, baseSequence: 0, codec: 'zstd' }),
  );
  await directory.close();

  assert.equal(millrace('verify', dir).code, 0);
  const [segment] = JSON.parse(millrace('inspect', dir, '-O', 'json').out);
  assert.deepEqual([segment.records, segment.batches, segment.lastOffset, segment.producers], [3, 2, 2, 1]);
  const records = millrace('dump', join(dir, 't-0'), '-O', 'jsonl')
    .out.trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    records.map(({ offset, key, value }) => [offset, key, value]),
    [
      [0, 'a', '1'],
      [1, 'b', null],
      [2, 'c', '3'],
    ],
  );
  const headers = JSON.parse(millrace('dump', dir, '--batches', '--from', '2', '-O', 'json').out);
  assert.deepEqual(
    headers.map(({ baseOffset, codec, producerId }: Record<string, unknown>) => [baseOffset, codec, producerId]),
    [[2, 'zstd', 9]],
  );

  const path = join(dir, 't-0', '00000000000000000000.log');
  const bytes = readFileSync(path);
  bytes[65]! ^= 1;
  writeFileSync(path, bytes);
  const verified = millrace('verify', dir);
  assert.equal(verified.code, 1);
  assert.match(verified.err, /the batch at position 0 is damaged: its checksum does not match/);
  assert.match(millrace('dump', dir).out, /damaged: its checksum does not match/);
  assert.equal(millrace('verify', join(dir, 'nothing')).code, 3);
  assert.match(millrace('verify', path).err, /is a file, not a log/);
  assert.equal(millrace('verify', path).code, 3);

  // A folder whose segment has lost its name, and a checkpoint that was cut.
  renameSync(path, join(dir, 't-0', '0.log'));
  writeFileSync(join(dir, 'recovery-point-offset-checkpoint'), '0\n5\n');
  const renamed = millrace('verify', dir);
  assert.match(renamed.err, /t-0\/0\.log: no file of a log has such a name/);
  assert.match(renamed.err, /recovery-point-offset-checkpoint: it is no whole checkpoint/);
  assert.match(renamed.err, /\d faults were found, in 1 of 1 partitions/);
});
