/**
 * Packs the public JSON-Schema-Test-Suite (MIT) into test/golden/json-schema-test-suite.json.gz: the required tests of the
 * drafts the registry knows, and the remote documents they refer to, unchanged. Run with the git directory of a clone:
 * node scripts/json-schema-test-suite.ts path/to/JSON-Schema-Test-Suite/.git
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const DRAFTS = {
  draft4: 'draft-04',
  draft6: 'draft-06',
  draft7: 'draft-07',
  'draft2019-09': '2019-09',
  'draft2020-12': '2020-12',
};
const [, , gitDir] = process.argv;
if (gitDir === undefined) throw new Error('Name the git directory of a clone of JSON-Schema-Test-Suite.');

const git = (...args: string[]): string =>
  execFileSync('git', ['--git-dir', gitDir, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const files = git('ls-tree', '-r', '--name-only', 'HEAD').split('\n');
const content = (path: string): unknown => JSON.parse(git('show', `HEAD:${path}`));

const drafts = Object.fromEntries(
  Object.entries(DRAFTS).map(([folder, draft]) => [
    draft,
    Object.fromEntries(
      files
        .filter((path) => new RegExp(`^tests/${folder}/[^/]+\\.json$`).test(path))
        .map((path) => [path.slice(path.lastIndexOf('/') + 1, -'.json'.length), content(path)]),
    ),
  ]),
);
const remotes = Object.fromEntries(
  files
    .filter((path) => path.startsWith('remotes/') && path.endsWith('.json') && !/^remotes\/(v1|draft3)\//.test(path))
    .map((path) => [path.slice('remotes/'.length), content(path)]),
);
const packed = { commit: git('rev-parse', 'HEAD').trim(), license: git('show', 'HEAD:LICENSE'), drafts, remotes };
const target = join(import.meta.dirname, '../test/golden/json-schema-test-suite.json.gz');
writeFileSync(target, gzipSync(JSON.stringify(packed), { level: 9 }));
