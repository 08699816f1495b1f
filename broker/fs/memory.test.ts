import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileSystemCases } from './file-system.cases.ts';
import { MemoryFileSystem } from './memory.ts';

fileSystemCases('The disk in memory', () => {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/root');
  return { fs, root: '/root' };
});

function withFile(text: string) {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/d');
  const file = fs.open('/d/f', 'create');
  file.write([Buffer.from(text)], 0);
  return { fs, file };
}

describe('A power cut', () => {
  it('drops bytes that were not synced', () => {
    const { fs, file } = withFile('safe');
    file.sync();
    fs.syncDirectory('/d');
    file.write([Buffer.from(' and lost')], 4);
    fs.powerCut();
    assert.equal(fs.files().get('/d/f')?.toString(), 'safe');
    assert.throws(() => file.read(Buffer.alloc(1), 0), { code: 'EIO' });
  });

  it('drops a file whose name was not synced, and brings back one that was removed or renamed', () => {
    const { fs, file } = withFile('bytes');
    file.sync();
    fs.powerCut();
    assert.equal(fs.size('/d/f'), null);
    fs.put('/d/g', Buffer.from('kept'));
    fs.rename('/d/g', '/d/h');
    fs.powerCut();
    assert.deepEqual(fs.list('/d'), ['g']);
  });

  it('may keep part of the bytes that were not synced, or only their length', () => {
    const { fs, file } = withFile('abc');
    file.sync();
    fs.syncDirectory('/d');
    file.write([Buffer.from('def')], 3);
    fs.powerCut({ survivingBytes: () => 8 });
    assert.deepEqual([...fs.files().get('/d/f')!], [...Buffer.from('abcdef'), 0, 0]);
  });

  it('during a sync drops what the sync was for', async () => {
    const { fs, file } = withFile('abc');
    fs.syncDirectory('/d');
    const error = new Promise((resolve) => file.syncLater(resolve));
    fs.powerCut();
    assert.equal(((await error) as NodeJS.ErrnoException).code, 'EIO');
    assert.equal(fs.size('/d/f'), 0);
  });
});

describe('Failing on demand', () => {
  it('fails the call it was told to, once', () => {
    const { fs, file } = withFile('abc');
    fs.failNext('write', 'EIO', { after: 1 });
    file.write([Buffer.from('d')], 3);
    assert.throws(() => file.write([Buffer.from('e')], 4), { code: 'EIO' });
    file.write([Buffer.from('e')], 4);
  });

  it('writes what fits when the device is full, and goes on when there is room again', () => {
    const { fs, file } = withFile('abc');
    fs.capacityBytes = 5;
    assert.throws(() => file.write([Buffer.from('defg')], 3), { code: 'ENOSPC' });
    assert.equal(file.size(), 5);
    fs.capacityBytes = 10;
    file.write([Buffer.from('defg')], 3);
    assert.equal(file.size(), 7);
  });
});
