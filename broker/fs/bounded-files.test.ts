import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundedFiles, openFilesMax } from './bounded-files.ts';
import { fileSystemCases } from './file-system.cases.ts';
import type { FileSystem } from './file-system.ts';
import { MemoryFileSystem } from './memory.ts';

fileSystemCases('A file system with one open file at a time', () => {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/root');
  return { fs: boundedFiles(fs, 1), root: '/root' };
});

/** A disk in memory that counts what is open, and keeps syncs waiting until told otherwise. */
function countingDisk() {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/d');
  const counts = { open: 0, most: 0, opened: 0, syncing: 0, mostSyncing: 0 };
  const held: (() => void)[] = [];
  const counting: FileSystem = Object.create(fs, {
    open: {
      value: (...[path, how]: Parameters<FileSystem['open']>) => {
        const file = fs.open(path, how);
        counts.opened++;
        counts.most = Math.max(counts.most, ++counts.open);
        return {
          ...file,
          close: () => {
            counts.open--;
            file.close();
          },
          syncLater: (done: (error: Error | null) => void) => {
            counts.mostSyncing = Math.max(counts.mostSyncing, ++counts.syncing);
            held.push(() => {
              counts.syncing--;
              file.syncLater(done);
            });
          },
        };
      },
    },
  });
  const letGo = () => {
    for (const sync of held.splice(0)) sync();
  };
  return { fs, counting, counts, letGo };
}

const wait = () => new Promise((resolve) => setTimeout(resolve, 2));

describe('Bounded files', () => {
  it('never hold more open than allowed, whoever is used and however often', () => {
    const { counting, counts } = countingDisk();
    const bounded = boundedFiles(counting, 10);
    const files = Array.from({ length: 100 }, (_, index) => bounded.open(`/d/${index}`, 'create'));
    for (let round = 0; round < 3; round++) {
      for (const [index, file] of files.entries()) file.write([Buffer.from([index])], round);
    }
    const read = Buffer.alloc(3);
    for (const [index, file] of files.entries()) {
      assert.equal(file.read(read, 0), 3);
      assert.deepEqual([...read], [index, index, index]);
    }
    assert.equal(counts.most, 10);
    for (const file of files) file.close();
    assert.equal(counts.open, 0);
  });

  it('keep open what is in use all the time', () => {
    const { counting, counts } = countingDisk();
    const bounded = boundedFiles(counting, 4);
    const busy = bounded.open('/d/busy', 'create');
    for (let index = 0; index < 50; index++) {
      busy.write([Buffer.from('x')], index);
      bounded.open(`/d/${index}`, 'create');
    }
    assert.equal(counts.opened, 51);
  });

  it('wait for some syncs at a time, and lose none', async () => {
    const { fs, counting, counts, letGo } = countingDisk();
    const bounded = boundedFiles(counting, 10);
    let synced = 0;
    for (let index = 0; index < 100; index++) {
      const file = bounded.open(`/d/${index}`, 'create');
      file.write([Buffer.from([index])], 0);
      file.syncLater((error) => {
        assert.equal(error, null);
        synced++;
      });
    }
    fs.syncDirectory('/d');
    for (let turns = 0; synced < 100 && turns < 200; turns++) {
      letGo();
      await wait();
    }
    assert.equal(synced, 100);
    assert.ok(counts.mostSyncing <= 5, `${counts.mostSyncing} syncs at a time`);
    assert.ok(counts.most <= 10, `${counts.most} files open`);
    fs.powerCut();
    assert.equal(fs.size('/d/99'), 1);
  });

  it('sync a file that was closed and renamed while it waited for its turn', async () => {
    const { fs, counting, counts, letGo } = countingDisk();
    const bounded = boundedFiles(counting, 2);
    const outcomes: (Error | null)[] = [];
    const files = ['a', 'b', 'c', 'd'].map((name) => bounded.open(`/d/${name}`, 'create'));
    for (const file of files) {
      file.write([Buffer.from('x')], 0);
      file.syncLater((error) => outcomes.push(error));
    }
    for (const file of files) file.close();
    fs.rename('/d/d', '/d/d.deleted');
    for (let turns = 0; outcomes.length < 4 && turns < 20; turns++) {
      letGo();
      await wait();
    }
    assert.deepEqual(outcomes, [null, null, null, null]);
    assert.equal(counts.open, 0);
  });

  it('say when a file has gone that must be opened again', () => {
    const { fs, counting } = countingDisk();
    const bounded = boundedFiles(counting, 1);
    const first = bounded.open('/d/first', 'create');
    bounded.open('/d/second', 'create');
    fs.remove('/d/first');
    assert.throws(() => first.read(Buffer.alloc(1), 0), { code: 'ENOENT' });
    assert.ok(openFilesMax() >= 128);
  });
});
