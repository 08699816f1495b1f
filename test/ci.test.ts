/** What CI does with a test that failed: names it, runs its file once more, and says loudly what came of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Failures, type TestEvent } from './kit/reporter.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const PASSES = `require('node:test').test('holds', () => {});`;
const FAILS = `require('node:test').describe('a suite', () => it('breaks', () => { throw new Error('for\\ngood'); }));`;

/** Runs files with these texts as a section of CI runs its tests; `flaky` is what is left for the last line. */
function section(t: TestContext, texts: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-ci-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = Object.entries(texts).map(([name, text]) => {
    writeFileSync(join(folder, name), text.replaceAll('FOLDER', JSON.stringify(folder)));
    return join(folder, name);
  });
  const node = [process.execPath, '--test', '--test-reporter=./test/kit/reporter.ts', ...files];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const script = 'set -euo pipefail; logs=$1; shift; . .ci/tested; tested npm "$@"';
  const { status, stdout } = spawnSync('bash', ['-c', script, 'bash', folder, ...node], {
    cwd: root,
    env: { ...env, PATH: `${dirname(process.execPath)}:${env.PATH}` },
    encoding: 'utf8',
    timeout: 60_000,
  });
  const flaky = () => readFileSync(join(folder, 'flaky'), 'utf8');
  return { status, out: stdout, flaky, at: (name: string) => relative(root, join(folder, name)) };
}

describe('a section of CI', () => {
  it('whose tests pass runs nothing twice', (t) => {
    const { status, out } = section(t, { 'a.test.cjs': PASSES });
    assert.equal(status, 0, out);
    assert.doesNotMatch(out, /failed|FLAKY|once more/);
  });

  it('goes on past a file that failed once and passes alone, names it, and counts no test of the second run', (t) => {
    const once = `const fs = require('node:fs');
      require('node:test').test('stalls', () => {
        if (!fs.existsSync(FOLDER + '/ran')) { fs.writeFileSync(FOLDER + '/ran', ''); throw new Error('too slow'); }
      });`;
    const { status, out, flaky, at } = section(t, { 'a.test.cjs': PASSES, 'b.test.cjs': once });
    assert.equal(status, 0, out);
    assert.equal(flaky(), `✖ failed: ${at('b.test.cjs')}: stalls: too slow\n`);
    assert.ok(out.includes(`--- FLAKY: ${at('b.test.cjs')} failed once, passed alone`), out);
    assert.equal(out.match(/^ℹ tests /gm)?.length, 1);
  });

  it('ends with what fails twice: its file, its test and its message stand last', (t) => {
    const { status, out, at } = section(t, {
      'a.test.cjs': PASSES,
      'b.test.cjs': FAILS.replace('it(', "require('node:test').it("),
    });
    assert.equal(status, 1, out);
    const told = `✖ failed: ${at('b.test.cjs')}: a suite > breaks: for good`;
    assert.ok(out.trimEnd().endsWith(`--- FAILED TWICE: ${at('b.test.cjs')}\n${told}\n    ${told}`), out);
  });

  it('runs nothing again where many files failed', (t) => {
    const names = ['a', 'b', 'c', 'd'].map((name) => `${name}.test.cjs`);
    const { status, out } = section(t, Object.fromEntries(names.map((name) => [name, 'throw new Error("no");'])));
    assert.equal(status, 1, out);
    assert.doesNotMatch(out, /once more/);
  });
});

describe('the lines of failed tests', () => {
  it('name the file that was run, not that of the cases, and no suite beside its tests', () => {
    const failures = new Failures();
    const told = (type: string, name: string, nesting: number, failureType?: string) => {
      const error = failureType === undefined ? {} : { error: { failureType, cause: new Error('1 !== 2') } };
      const file = { file: join(root, 'x.cases.ts'), entryFile: join(process.cwd(), 'x.test.ts') };
      failures.note({ type, data: { name, nesting, ...file, details: error } } satisfies TestEvent);
    };
    told('test:start', 'suite', 0);
    told('test:start', 'good', 1);
    told('test:start', 'bad', 1);
    told('test:fail', 'bad', 1, 'testCodeFailure');
    told('test:fail', 'suite', 0, 'subtestsFailed');
    assert.deepEqual(failures.lines, ['x.test.ts: suite > bad: 1 !== 2']);
  });
});
