/** The examples in doc comments and on the page for plugin authors are type-checked and loaded, as a reader would. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const pages = ['connectors/api/index.ts', 'connectors/acceptance/index.ts', 'docs/plugins.md'];
const folder = mkdtempSync(join(tmpdir(), 'millrace-examples-'));
after(() => rmSync(folder, { recursive: true }));

/** The code between ```ts and ```, without the stars of a comment. */
function examplesOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^ \* ?/gm, '');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
}

const files = pages.flatMap((page) =>
  examplesOf(page).map((code, index) => {
    const name = `${page.replace(/\W/g, '-')}-${index}.ts`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), code);
    return name;
  }),
);

it('There is an example on every page that promises one', () => assert.equal(files.length, pages.length));

it('Every example passes the strict type check', () => {
  const own = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const compilerOptions = {
    ...own.compilerOptions,
    typeRoots: [join(root, 'node_modules/@types')],
    paths: {
      millrace: [join(root, 'connectors/api/index.ts')],
      'millrace/testing': [join(root, 'connectors/acceptance/index.ts')],
    },
  };
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder]);
  assert.equal(status, 0, stdout.toString());
});

it('Every example loads, and those with plugins are plugins', () => {
  const register = join(root, 'runtime/plugins/register.ts');
  const code = `const all = await Promise.all(${JSON.stringify(files)}.map((name) => import('./' + name)));
    console.log(all.flatMap((module) => module.plugins ?? []).map((plugin) => plugin.class).join());`;
  const args = ['--import', register, '--input-type=module', '--eval', code];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder });
  assert.equal(status, 0, stderr.toString());
  assert.equal(stdout.toString().trim(), 'Counter,Clock');
});
