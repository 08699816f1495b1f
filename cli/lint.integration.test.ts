/** `lint` and `connector schema` as a person meets them: no server, exit codes, every output. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-lint-'));
after(() => rmSync(folder, { recursive: true }));

function millrace(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(launcher, [...args], { input, cwd: folder, timeout: 60_000 });
  return { code: status, out: stdout.toString(), err: stderr.toString() };
}

describe('millrace lint', () => {
  it('says where to look when there is nothing', () => {
    const { code, err } = millrace(['lint']);
    assert.equal(code, 3);
    assert.match(err, /no file or folder connectors/);
    assert.match(err, /next: Name the folder/);
    assert.equal(millrace(['lint', 'nowhere.json']).code, 3);
  });

  it('exits with 78 and names file, line and column; with 0 when all is well', () => {
    mkdirSync(join(folder, 'connectors'));
    const file = join(folder, 'connectors', 'people.json');
    const text = '{\n"connector.class": "FileSource",\n"file": "x",\n"topik": "y"\n}';
    writeFileSync(file, text);
    writeFileSync(join(folder, 'connectors', 'people.test.json'), 'no connector');
    const wrong = millrace(['lint']);
    assert.equal(wrong.code, 78);
    assert.match(
      wrong.out,
      /^connectors\/people\.json:4:1: error: Unknown configuration "topik"\. Did you mean "topic"\?$/m,
    );
    assert.match(wrong.err, /^2 faults in 1 file\.$/m);
    const findings = JSON.parse(millrace(['lint', '-O', 'json']).out) as { key: string; line: number }[];
    assert.deepEqual(
      findings.map(({ key, line }) => [key, line]),
      [
        ['topic', 1],
        ['topik', 4],
      ],
    );
    writeFileSync(file, text.replace('topik', 'topic'));
    assert.deepEqual(millrace(['lint']), { code: 0, out: '', err: '1 connector, nothing wrong.\n' });
    assert.equal(millrace(['lint', '-'], '{').code, 78);
  });
});

describe('millrace connector schema', () => {
  it('prints a schema, of one class or of all, and refuses a class nobody is', () => {
    const all = JSON.parse(millrace(['connector', 'schema']).out) as { title: string };
    assert.equal(all.title, 'A Millrace connector');
    assert.match(millrace(['connector', 'schema', 'FileSource']).out, /"batch\.size"/);
    const wrong = millrace(['connector', 'schema', 'FileSauce']);
    assert.equal(wrong.code, 3);
    assert.match(wrong.err, /Did you mean FileSource/);
  });

  it('writes it where an editor finds it, and lint passes it over', () => {
    assert.equal(millrace(['connector', 'schema', '--write', 'connectors/connector.schema.json']).code, 0);
    assert.equal(millrace(['lint']).code, 0);
  });
});
