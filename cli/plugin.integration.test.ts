/** A plugin from its first command to its hot reload, as somebody who writes one meets it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startMillrace } from '../test/kit/millrace.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const launcher = join(root, 'bin', 'millrace');
const folder = mkdtempSync(join(tmpdir(), 'millrace-plugin-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function millrace(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  // A test runner inside a test runner must not think it is its child.
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  const options = { cwd: folder, env: { ...own, ...env }, timeout: 60_000 };
  const { status, stdout, stderr } = spawnSync(launcher, [...args], options);
  return { code: status, out: stdout.toString(), err: stderr.toString() };
}

describe('millrace plugin init', () => {
  for (const kind of ['source', 'sink', 'transform']) {
    it(`makes a ${kind} that passes its own test and the type check`, () => {
      const made = millrace(['plugin', 'init', `my-${kind}`, '--kind', kind]);
      assert.equal(made.code, 0, made.err);
      const tested = millrace(['plugin', 'test', `my-${kind}`]);
      assert.equal(tested.code, 0, tested.out);
      const readme = readFileSync(join(folder, `my-${kind}`, 'README.md'), 'utf8');
      assert.match(readme, /\| key \| type \| default \| meaning \|/);
      const checked = typeChecked(join(folder, `my-${kind}`));
      assert.equal(checked.status, 0, checked.stdout.toString());
    });
  }

  it('refuses names, kinds and folders that will not do', () => {
    assert.equal(millrace(['plugin', 'init', 'My_Source']).code, 2);
    assert.equal(millrace(['plugin', 'init', 'x', '--kind', 'source-ish']).code, 2);
    assert.equal(millrace(['plugin', 'init', 'my-source']).code, 6);
    assert.equal(millrace(['plugin', 'test', 'nowhere']).code, 3);
  });
});

/** What `npm run check` does once millrace is installed beside the plugin. */
function typeChecked(plugin: string) {
  const own = JSON.parse(readFileSync(join(plugin, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const house = {
    paths: {
      millrace: [join(root, 'connectors/api/index.ts')],
      'millrace/testing': [join(root, 'connectors/acceptance/index.ts')],
    },
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  const path = join(plugin, 'tsconfig.house.json');
  const options = { ...own.compilerOptions, ...house };
  writeFileSync(path, JSON.stringify({ compilerOptions: options, files: ['index.ts', 'index.test.ts'] }));
  return spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', path]);
}

describe('millrace plugin ls and docs', () => {
  it('show what there is, where it is from, and its keys; what cannot be loaded is named', () => {
    const listed = millrace(['plugin', 'ls', '--plugin', 'my-source', '-O', 'json']);
    assert.deepEqual(JSON.parse(listed.out), [
      { class: 'MySource', type: 'source', version: '0.1.0', location: join(folder, 'my-source', 'index.ts') },
    ]);
    writeFileSync(join(folder, 'broken.mjs'), 'throw new Error("no licence");');
    const broken = millrace(['plugin', 'ls', '--plugin', 'broken.mjs']);
    assert.equal(broken.code, 1);
    assert.match(broken.err, /broken\.mjs.*no licence/);
    assert.match(broken.out, /FileSource +source +\S+ +built in/);
    assert.match(
      millrace(['plugin', 'docs', 'MySource', '--plugin', 'my-source']).out,
      /# MySource[\s\S]*`batch\.bytes`/,
    );
    assert.match(millrace(['plugin', 'docs', 'MaskField']).out, /Also called .*`MaskField`/);
    const unknown = millrace(['plugin', 'docs', 'MaskFeld']);
    assert.equal(unknown.code, 3);
    assert.match(unknown.err, /Did you mean MaskField/);
    assert.equal(millrace(['lint', 'my-source/connectors', '--plugin', 'my-source']).code, 0);
    assert.equal(millrace(['lint', 'my-source/connectors']).code, 78);
  });
});

describe('a running house', () => {
  it('loads a changed plugin anew and restarts its connectors alone; a broken one changes nothing', async (t) => {
    const plugin = join(folder, 'my-source');
    const input = join(folder, 'input.txt');
    writeFileSync(input, 'one\n');
    writeFileSync(join(folder, 'broken.mjs'), 'throw new Error("no licence");');
    const args = ['--plugin', plugin, '--plugin', join(folder, 'broken.mjs'), '--watch-plugins'];
    // As `plugin dev` has it: what the house writes beside the plugin is no change of its code.
    const house = await startMillrace({ args, data: join(plugin, '.millrace') });
    t.after(() => house.remove());
    const env = { MILLRACE_BROKERS: house.kafka, MILLRACE_CONNECT: house.connect };
    const plugins = (await (await fetch(`${house.connect}/connector-plugins`)).json()) as {
      class: string;
      location?: string;
    }[];
    assert.equal(plugins.find((each) => each.class === 'MySource')?.location, join(plugin, 'index.ts'));

    const connectors = { mine: 'MySource', other: 'FileSource' };
    for (const [name, type] of Object.entries(connectors)) {
      const config = { 'connector.class': type, file: input, topic: name };
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(config));
      const applied = millrace(['apply', `${name}.json`, '--plugin', plugin, '--wait'], env);
      assert.equal(applied.code, 0, applied.err);
    }
    assert.equal(await value(env, 'mine', 0), '"one"');
    assert.doesNotMatch(house.notices(), /restarts with the changed code/);

    const code = readFileSync(join(plugin, 'index.ts'), 'utf8');
    // As many editors save: the file is another one from now on, and what is saved next counts as well.
    writeFileSync(
      join(plugin, 'index.ts~'),
      code.replace("value: bytes.toString('utf8', from, end)", "value: 'new ' + bytes.toString('utf8', from, end)"),
    );
    renameSync(join(plugin, 'index.ts~'), join(plugin, 'index.ts'));
    await noticed(house.notices, /Connector mine restarts with the changed code/);
    writeFileSync(input, 'one\ntwo\n');
    assert.equal(await value(env, 'mine', 1), '"new two"');

    writeFileSync(join(plugin, 'index.ts'), 'throw new Error("half a thought");');
    await noticed(house.notices, /half a thought/);
    writeFileSync(input, 'one\ntwo\nthree\n');
    assert.equal(await value(env, 'mine', 2), '"new three"');
    assert.doesNotMatch(house.notices(), /Connector other restarts/);
    writeFileSync(join(plugin, 'index.ts'), code);
    assert.ok(existsSync(join(plugin, 'index.ts')));
  });
});

async function noticed(notices: () => string, pattern: RegExp): Promise<void> {
  for (let tries = 0; !pattern.test(notices()); tries++) {
    assert.ok(tries < 1200, `${pattern} in ${notices().slice(-3_000)}`);
    await sleep(50);
  }
}

/** The value of the topic's record with this number, once it is there. */
async function value(env: Readonly<Record<string, string>>, topic: string, index: number): Promise<string> {
  for (let tries = 0; ; tries++) {
    const lines = millrace(['consume', topic, '-e'], env).out.split('\n');
    if (lines[index]) return lines[index];
    assert.ok(tries < 60, `record ${index} of ${topic}`);
    await sleep(100);
  }
}
