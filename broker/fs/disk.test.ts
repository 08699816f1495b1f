import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { disk } from './disk.ts';
import { fileSystemCases } from './file-system.cases.ts';

const made: string[] = [];
after(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

fileSystemCases('The disk', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-fs-'));
  made.push(root);
  return { fs: disk, root };
});
