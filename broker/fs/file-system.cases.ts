/**
 * What every keeper of the file-system port must do: one case file, run against the disk and against memory.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FileSystem } from './file-system.ts';

interface Made {
  readonly fs: FileSystem;
  /** An empty folder that exists. */
  readonly root: string;
}

export function fileSystemCases(name: string, make: () => Made): void {
  describe(name, () => {
    contentCases(make);
    nameCases(make);
    deviceCases(make);
  });
}

function contentCases(make: () => Made): void {
  it('writes chunks one after the other and reads them back from any position', () => {
    const { fs, root } = make();
    const file = fs.open(`${root}/a`, 'create');
    file.write([Buffer.from('hello '), Buffer.from('world')], 0);
    file.write([Buffer.from('!')], 11);
    assert.equal(file.size(), 12);
    const target = Buffer.alloc(5);
    assert.equal(file.read(target, 6), 5);
    assert.equal(target.toString(), 'world');
    file.close();
    assert.equal(fs.size(`${root}/a`), 12);
  });

  it('writes more chunks at once than one system call takes', () => {
    const { fs, root } = make();
    const file = fs.open(`${root}/a`, 'create');
    const chunks = Array.from({ length: 3000 }, (_, index) => Buffer.from([index & 0xff]));
    file.write(chunks, 0);
    const target = Buffer.alloc(3000);
    assert.equal(file.read(target, 0), 3000);
    assert.ok(target.equals(Buffer.concat(chunks)));
    file.close();
  });

  it('reads less only at the end of the file', () => {
    const { fs, root } = make();
    const file = fs.open(`${root}/a`, 'create');
    file.write([Buffer.from('abc')], 0);
    assert.equal(file.read(Buffer.alloc(10), 1), 2);
    assert.equal(file.read(Buffer.alloc(10), 3), 0);
    file.close();
  });

  it('shortens a file and lengthens it with zeros', () => {
    const { fs, root } = make();
    const file = fs.open(`${root}/a`, 'create');
    file.write([Buffer.from('abcdef')], 0);
    file.truncate(3);
    file.truncate(5);
    const target = Buffer.alloc(5);
    assert.equal(file.read(target, 0), 5);
    assert.deepEqual([...target], [97, 98, 99, 0, 0]);
    file.close();
  });
}

function nameCases(make: () => Made): void {
  it('opens only what exists, or only what does not, when asked to', () => {
    const { fs, root } = make();
    assert.throws(() => fs.open(`${root}/none`, 'must-exist'), { code: 'ENOENT' });
    fs.open(`${root}/lock`, 'must-be-new').close();
    assert.throws(() => fs.open(`${root}/lock`, 'must-be-new'), { code: 'EEXIST' });
    fs.open(`${root}/lock`, 'must-exist').close();
  });

  it('lists names and sizes, and knows nothing of what is absent', () => {
    const { fs, root } = make();
    fs.makeDirectory(`${root}/x/y`);
    fs.open(`${root}/x/f`, 'create').close();
    assert.deepEqual(fs.list(`${root}/x`).sort(), ['f', 'y']);
    assert.deepEqual(fs.list(`${root}/none`), []);
    assert.equal(fs.size(`${root}/none`), null);
    assert.notEqual(fs.size(`${root}/x`), null);
  });

  it('renames over a file, and renames a folder with all in it', () => {
    const { fs, root } = make();
    fs.makeDirectory(`${root}/d`);
    const old = fs.open(`${root}/d/old`, 'create');
    old.write([Buffer.from('old')], 0);
    old.close();
    const fresh = fs.open(`${root}/d/new`, 'create');
    fresh.write([Buffer.from('newer')], 0);
    fresh.close();
    fs.rename(`${root}/d/new`, `${root}/d/old`);
    fs.rename(`${root}/d`, `${root}/e`);
    fs.syncDirectory(root);
    assert.equal(fs.size(`${root}/e/old`), 5);
    assert.equal(fs.size(`${root}/d/old`), null);
    assert.throws(() => fs.rename(`${root}/none`, `${root}/x`), { code: 'ENOENT' });
  });

  it('removes files and folders, also those that are not there', () => {
    const { fs, root } = make();
    fs.makeDirectory(`${root}/d/e`);
    fs.open(`${root}/d/e/f`, 'create').close();
    fs.remove(`${root}/d`);
    fs.remove(`${root}/d`);
    assert.equal(fs.size(`${root}/d/e/f`), null);
    assert.deepEqual(fs.list(`${root}/d`), []);
  });
}

function deviceCases(make: () => Made): void {
  it('syncs at once and later, and may be closed while a sync is pending', async () => {
    const { fs, root } = make();
    const file = fs.open(`${root}/a`, 'create');
    file.write([Buffer.from('abc')], 0);
    file.sync();
    const pending = new Promise<Error | null>((resolve) => file.syncLater(resolve));
    file.close();
    assert.equal(await pending, null);
  });

  it('syncs a folder beside the event loop', async () => {
    const { fs, root } = make();
    fs.open(`${root}/a`, 'create').close();
    assert.equal(await new Promise((resolve) => fs.syncDirectoryLater(root, resolve)), null);
  });

  it('tells how much room there is', () => {
    const { fs, root } = make();
    const { totalBytes, freeBytes } = fs.space(root);
    assert.ok(totalBytes >= freeBytes && freeBytes > 0);
  });
}
