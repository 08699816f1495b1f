/** Every way in which an editor saves a file is seen, also after the first time. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFolders } from './watch-folders.ts';

function begin(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-watch-'));
  writeFileSync(join(folder, 'index.ts'), '0');
  const seen = new Set<string>();
  const problems: string[] = [];
  const end = watchFolders(folder, {
    onChange: (file) => seen.add(file),
    onProblem: (problem) => problems.push(problem),
  });
  t.after(() => {
    end();
    rmSync(folder, { recursive: true });
  });
  return { folder, seen, problems };
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    if (isSo()) return;
    await sleep(20);
  }
  assert.fail(what);
}

test('a file that was replaced by one of its name is followed still', async (t) => {
  const { folder, seen } = begin(t);
  const file = join(folder, 'index.ts');
  for (const [index, how] of ['in place', 'by rename', 'in place', 'by rename', 'by rename'].entries()) {
    seen.clear();
    if (how === 'in place') writeFileSync(file, String(index));
    else {
      writeFileSync(`${file}~`, String(index));
      renameSync(`${file}~`, file);
    }
    await until(() => seen.has('index.ts'), `save ${index + 1}, ${how}, was not seen`);
  }
});

test('a folder that comes later is watched, hidden ones and node_modules are not', async (t) => {
  const { folder, seen, problems } = begin(t);
  for (const name of ['lib', '.cache', 'node_modules']) mkdirSync(join(folder, name));
  await until(() => seen.has('lib'), 'the new folder was not seen');
  for (const name of ['.cache', 'node_modules', 'lib']) writeFileSync(join(folder, name, 'x.ts'), '1');
  await until(() => seen.has(join('lib', 'x.ts')), 'the file in the new folder was not seen');
  assert.deepEqual(
    [...seen].filter((file) => file.endsWith('x.ts')),
    [join('lib', 'x.ts')],
  );
  assert.deepEqual(problems, []);
});
