import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SourceConnectorPlugin } from '../../connectors/api/index.ts';
import { eventually } from '../worker/harness.ts';
import { Plugins } from '../worker/plugins.ts';
import { loadPluginPath } from './load.ts';
import { PluginPath } from './plugin-path.ts';

/** Writes files below a new folder, which goes with the test. */
function folderOf(t: TestContext, files: Readonly<Record<string, string>>): (path: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-plugins-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return (path) => join(folder, path);
}

const source = (name: string, version: string, task = 'async poll() { return []; }, start() {}, stop() {}') => `
export const plugins = [{ type: 'source', class: '${name}', version: '${version}', config: {}, create: () => ({
  start() {}, stop() {}, taskConfigs: () => [{}], createTask: () => ({ ${task} }) }) }];`;

/** What a test reads of the log. */
function recording() {
  const lines: string[] = [];
  const at = (_: object, message: string) => void lines.push(message);
  return { lines, logger: { debug: at, info: at, warn: at, error: at } };
}

describe('plugin.path', () => {
  it('takes files, packages, folders of both and installed packages, each with its own package tree', async (t) => {
    const at = folderOf(t, {
      'one.ts': `import { Schemas, type Plugin } from 'millrace';\n${source('One', '1.0.0').replace('plugins =', 'plugins: Plugin[] =')}`,
      'many/a.mjs': source('A', '1.0.0'),
      'many/a.test.mjs': 'throw new Error("a test is no plugin")',
      'many/b/package.json': '{"type": "module", "exports": {".": {"types": "./x.d.ts", "default": "./main.js"}}}',
      'many/b/main.js': `import { name } from 'shared-dependency';\n${source('B', '1.0.0').replace("'B'", 'name')}`,
      'many/b/node_modules/shared-dependency/package.json': '{"type": "module", "main": "index.js"}',
      'many/b/node_modules/shared-dependency/index.js': 'export const name = "OfB";',
      'many/c/package.json': '{"type": "module", "main": "main.js"}',
      'many/c/main.js': `import { name } from 'shared-dependency';\n${source('C', '1.0.0').replace("'C'", 'name')}`,
      'many/c/node_modules/shared-dependency/package.json': '{"type": "module", "main": "index.js"}',
      'many/c/node_modules/shared-dependency/index.js': 'export const name = "OfC";',
    });
    const { plugins, failures } = await loadPluginPath([at('one.ts'), at('many')]);
    assert.deepEqual(failures, []);
    assert.deepEqual(
      plugins.map((plugin) => plugin.class),
      ['One', 'OfB', 'OfC', 'A'],
    );
    assert.equal(plugins[1]!.location, at('many/b/main.js'));
  });

  it('gives every plugin the errors of the house, not those of a copy', async (t) => {
    const at = folderOf(t, {
      'p.mjs': `import { RetriableError } from 'millrace'; export const error = new RetriableError('later');\n${source('P', '1')}`,
      'node_modules/millrace/package.json': '{"type": "module", "main": "index.js"}',
      'node_modules/millrace/index.js': 'export class RetriableError extends Error {}',
    });
    await loadPluginPath([at('p.mjs')]);
    const { error } = (await import(at('p.mjs'))) as { error: unknown };
    const { RetriableError } = await import('../../connectors/api/index.ts');
    assert.ok(error instanceof RetriableError);
  });

  it('names and leaves out what throws, loops, ends the process or is no plugin; the others are loaded', async (t) => {
    const at = folderOf(t, {
      'good.mjs': source('Good', '1.0.0'),
      'throws.mjs': 'throw new Error("no licence found");',
      'loops.mjs': 'for (;;);',
      'waits.mjs': 'await new Promise((resolve) => setTimeout(resolve, 1e6));',
      'exits.mjs': 'process.exit(7);',
      'empty.mjs': 'export const other = 1;',
      'shapeless.mjs': 'export const plugins = [{ type: "source", class: "X", version: "1", create() {} }];',
      'syntax.ts': 'enum A { B }',
    });
    // Apart, because a busy machine may need as long for the good one as these are waited for.
    const late = await loadPluginPath(['loops.mjs', 'waits.mjs'].map(at), { deadlineMs: 1_000 });
    assert.deepEqual(late.plugins, []);
    const names = ['throws.mjs', 'exits.mjs', 'empty.mjs', 'shapeless.mjs', 'syntax.ts', 'nowhere.js', 'good.mjs'];
    const { plugins, failures: others } = await loadPluginPath(names.map(at), { deadlineMs: 60_000 });
    const failures = [...late.failures, ...others];
    assert.deepEqual(
      plugins.map((plugin) => plugin.class),
      ['Good'],
    );
    const messageOf = (name: string) => failures.find(({ entry }) => entry === at(name))?.error.message ?? '';
    assert.match(messageOf('throws.mjs'), /no licence found/);
    assert.match(messageOf('loops.mjs'), /not loaded within 1 s/);
    assert.match(messageOf('waits.mjs'), /not loaded within 1 s/);
    assert.match(messageOf('exits.mjs'), /ended its thread with code 7/);
    assert.match(messageOf('empty.mjs'), /loaded: It exports no plugins[^(]*$/);
    assert.match(messageOf('shapeless.mjs'), /X has no "config"/);
    assert.match(messageOf('syntax.ts'), /enum/);
    assert.match(messageOf('nowhere.js'), /neither a file nor an installed package|no file or folder/);
    assert.ok(failures.every(({ error }) => error.code === 'PLUGIN_LOAD_FAILED'));
    const known = new Plugins(
      plugins,
      failures.map(({ error }) => error.message),
    );
    assert.match(known.unknown('Licensed', 'source'), /no licence found/);
  });

  it('holds versions side by side and takes the newest, or the one a range asks for', async (t) => {
    const at = folderOf(t, {
      'v1.mjs': source('V', '1.9.0'),
      'v2.mjs': source('V', '2.0.0'),
      'v10.mjs': source('V', '1.10.0'),
    });
    const { plugins } = await loadPluginPath([at('v1.mjs'), at('v2.mjs'), at('v10.mjs')]);
    const known = new Plugins(plugins);
    const chosen = (range?: string) => {
      const found = known.choose('V', range, 'source');
      return typeof found === 'string' ? found : found.version;
    };
    assert.equal(chosen(), '2.0.0');
    assert.equal(chosen('[1.0,2.0)'), '1.10.0');
    assert.equal(chosen('1.9.0'), '1.9.0');
    assert.equal(chosen('3.0'), 'The version "3.0" of V matches none. There is 2.0.0, 1.10.0, 1.9.0.');
    assert.match(chosen('[1'), /is no version or range/);
  });
});

describe('a plugin that misbehaves', () => {
  const opened = async (t: TestContext, task: string) => {
    const at = folderOf(t, { 'bad.mjs': source('Bad', '1.0.0', task) });
    const { lines, logger } = recording();
    const path = await PluginPath.open({ entries: [at('bad.mjs')], blockedMs: 100, logger, leakGraceMs: 50 });
    t.after(() => path.close());
    const plugin = path.plugins[0] as SourceConnectorPlugin;
    const connector = await plugin.create();
    const noContext = { logger, requestTaskReconfiguration() {}, raiseError() {} };
    await connector.start({ name: 'c', ...noContext }, undefined!);
    const run = connector.createTask();
    const signal = new AbortController().signal;
    const context = {
      connector: 'c',
      task: 3,
      logger,
      signal,
      offsets: async () => [],
      reportBadInput: async () => {},
    };
    await run.start(context, undefined!);
    return { path, lines, run, connector };
  };

  it('is named when it blocks the event loop, with its task and the line, in log, status and metrics', async (t) => {
    const busy =
      'start() {}, stop() {}, async poll() { await null; const end = Date.now() + 600; while (Date.now() < end); return []; }';
    const { path, lines, run } = await opened(t, busy);
    // The watch has a thread of its own, which a busy machine may hold up for as long as a poll takes.
    const told = await eventually(async () => {
      await run.poll();
      // Two reports may come together; the notes keep the last.
      const line = lines.findLast((each) => each.includes('blocked the event loop'));
      assert.ok(line !== undefined);
      return line;
    });
    assert.match(
      told,
      /^Plugin Bad, task 3 of connector c, blocked the event loop for \d{3,} ms at poll file:.*bad\.mjs:\d+;/,
    );
    assert.ok(path.notes('c', 3).includes(told));
    const [blocks] = path.collect();
    assert.deepEqual(blocks!.samples[0]!.labels, { connector: 'c', task: '3' });
    assert.ok(blocks!.samples[0]!.value >= 1);
  });

  it('is named when it leaves something open after its stop, and is not when it closes all', async (t) => {
    const leaky = `timer: null, async start() { setInterval(() => {}, 1000).unref(); this.timer = setInterval(() => {}, 1000);
      (await import('node:net')).createServer().listen(0).unref(); }, stop() { clearInterval(this.timer); }, async poll() { return []; }`;
    const { path, lines, run, connector } = await opened(t, leaky);
    await run.stop();
    await connector.stop();
    const told = await eventually(() => {
      const line = lines.find((each) => each.includes('left open'));
      assert.ok(line !== undefined);
      return line;
    }, 20_000);
    assert.match(told, /task 3 of connector c, left open after its stop: 1 timer, 1 server\./);
    assert.deepEqual(path.notes('c', null), []);
  });
});
