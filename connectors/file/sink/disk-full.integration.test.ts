/**
 * A full disk under the rolling sink: the batch is refused for as long as it is full, at whichever step that is met, and
 * nothing is lost or doubled when there is room again. On a real file system of 1 MB where this process may mount one
 * (root on Linux), else with writes that fail as such a one's do.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import fs, { type FileHandle, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SinkLog, SinkRun } from '../../acceptance/index.ts';
import { RetriableError, type SinkConnectorPlugin } from '../../api/index.ts';
import { filePlugins } from '../plugins.ts';
import { verifyFolder } from './verify.ts';

const plugin = filePlugins.find((each) => each.class === 'FileSink') as SinkConnectorPlugin;
const part = { topic: 'orders', partition: 0 };
const diskBytes = 1024 * 1024;

interface Disk {
  readonly path: string;
  fill(): Promise<void>;
  free(): Promise<void>;
}

function smallDisk(t: TestContext): Disk {
  const path = mkdtempSync(join(tmpdir(), 'millrace-full-'));
  let isMounted = false;
  t.after(() => {
    if (isMounted) execFileSync('umount', [path]);
    rmSync(path, { recursive: true, force: true });
  });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', path], { stdio: 'ignore' });
    isMounted = true;
  } catch {
    t.diagnostic('No file system may be mounted here; writes fail as those to a full one do.');
    return failingDisk(t, path);
  }
  const ballast = join(path, 'ballast');
  return {
    path,
    // Larger than the disk: what fits is taken, to the last page.
    fill: () => writeFile(ballast, Buffer.alloc(diskBytes)).catch(() => undefined),
    free: () => rm(ballast, { force: true }),
  };
}

/** Everything that is opened from here on has no room while the disk is full. */
function failingDisk(t: TestContext, path: string): Disk {
  let isFull = false;
  const { open } = fs;
  const check = () => {
    if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  fs.open = async (...args: Parameters<typeof open>): Promise<FileHandle> => {
    const handle = await open(...args);
    const { write, writeFile } = handle;
    handle.write = ((...rest: Parameters<typeof write>) => {
      check();
      return write.apply(handle, rest);
    }) as typeof write;
    handle.writeFile = async (...rest: Parameters<typeof writeFile>) => {
      check();
      return writeFile.apply(handle, rest);
    };
    return handle;
  };
  syncBuiltinESMExports();
  t.after(() => {
    fs.open = open;
    syncBuiltinESMExports();
  });
  return {
    path,
    fill: async () => {
      isFull = true;
    },
    free: async () => {
      isFull = false;
    },
  };
}

for (const format of ['jsonl', 'parquet']) {
  test(`A full disk refuses ${format} for as long as it is full; then every record is there once`, async (t) => {
    const disk = smallDisk(t);
    const log = new SinkLog();
    const config = {
      directory: join(disk.path, 'out'),
      format,
      'partition.by': 'field:group',
      'roll.records': '5',
      'parquet.row.group.bytes': '2000',
    };
    const run = await SinkRun.start(plugin, config, log, [part]);
    let refusals = 0;
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 7; i++) {
        const value = { group: i % 2, serial: round * 7 + i, pad: `${round * i}`.padEnd(900, 'x') };
        log.append(part.topic, part.partition, value, null);
      }
      const batch = log.records(part).slice(-7);
      if (round % 2 === 1) await disk.fill();
      for (let attempt = 0; attempt < 2 && round % 2 === 1; attempt++) {
        await run.task.put(batch).catch((error: unknown) => {
          assert.ok(error instanceof RetriableError, String(error));
          assert.match(error.message, /cannot be written: ENOSPC/);
          refusals++;
        });
      }
      await disk.free();
      await run.task.put(batch);
    }
    assert.ok(refusals >= 6, `the disk was full only ${refusals} times`);
    await run.stop();
    const { faults, partitions } = await verifyFolder(config.directory, { allowsMissing: false });
    assert.deepEqual(faults, []);
    assert.deepEqual([partitions[0]!.records, partitions[0]!.skipped, partitions[0]!.to], [84, 0, 83]);
  });
}
