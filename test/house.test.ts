/**
 * The house rules, as a test: which way imports go, how long things are, what every file opens with.
 *
 * The rules themselves stand in docs/ARCHITECTURE.md. Exceptions are listed here by name and may only shrink.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ErrorCode } from '../broker/protocol/error-codes.ts';
import { cliErrorCodes } from '../cli/errors.ts';
import { functionsOf, importsOf, readSource, type SourceFile } from './kit/source.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 500;

/** Files that may be longer, each with its length now; take a line away when it has become shorter. */
const longFiles: Readonly<Record<string, number>> = {};

/** Functions that may be longer: `path` → how many of them. */
const longFunctions: Readonly<Record<string, number>> = {};

/** What the doorsteps may import besides Node and themselves. */
const doorsteps: Readonly<Record<string, readonly string[]>> = {
  'connectors/api': [],
  'broker/protocol': ['@node-rs/crc32', 'lz4-napi', 'snappy'],
};

/** Ports that a keeper in another room may name: from → the port's file. */
const ports: Readonly<Record<string, readonly string[]>> = {
  // Decision 0008: whoever delivers into a Postgres database keeps his offsets there in the same way.
  'connectors/bullmq/postgres-jobs.ts': ['connectors/postgres/sink/sink-offsets.ts'],
  // Decision 0011: there is one CEL in the house, whoever writes expressions.
  'connectors/converters/data-rules.ts': ['connectors/transforms/cel.ts'],
};

const sources = listSources().map((path) => readSource(root, path));
const generated = (path: string) => path.includes('/generated/');
const isOutside = (path: string) =>
  /^(test|examples|bench|scripts)\//.test(path) || /\.(test|cases|fuzz|bench)\.ts$/.test(path);

function listSources(): string[] {
  // Tracked and new files alike, so that a rule is broken here before it is committed; none that .gitignore names.
  if (!existsSync(join(root, '.git'))) return [];
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], { cwd: root });
  const files = output
    .toString()
    .split('\n')
    .filter((path) => path !== '');
  return files.filter((path) => existsSync(join(root, path)));
}

describe('imports', () => {
  for (const [doorstep, allowed] of Object.entries(doorsteps)) {
    it(`of the doorstep ${doorstep} lead to Node and itself${allowed.length > 0 ? ` and ${allowed.join(', ')}` : ''}`, () => {
      const wrong = arrows((file) => roomOf(file.path) === doorstep).filter(
        ({ to, module }) => to !== doorstep && !isNode(module) && !allowed.includes(module),
      );
      assert.deepEqual(wrong.map(shown), []);
    });
  }

  it('of a room lead to doorsteps, itself and npm; only cli/up.ts, cli/worker.ts and cli/workshop.ts introduce rooms to each other, and cli/log-*.ts read files', () => {
    const wrong = arrows((file) => !(roomOf(file.path) in doorsteps) && !mayImportAnything(file.path)).filter(
      ({ from, file, to, target }) =>
        to !== null && to !== from && !(to in doorsteps) && !ports[file]?.includes(target!),
    );
    assert.deepEqual(wrong.map(shown), []);
  });

  it('of a connector, transform or converter lead to connectors/api and itself, never to the broker', () => {
    const wrong = arrows((file) => roomOf(file.path).startsWith('connectors/')).filter(
      ({ to }) => to === 'broker/protocol',
    );
    assert.deepEqual(wrong.map(shown), []);
  });
});

describe('sizes', () => {
  it(`keep a file within ${FILE_LINES_MAX} lines`, () => {
    const long = sources
      .filter((file) => !generated(file.path))
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (longFiles[path] ?? FILE_LINES_MAX));
    assert.deepEqual(long, []);
  });

  it(`keep a function within ${FUNCTION_LINES_MAX} lines`, () => {
    const long = sources
      .filter((file) => !generated(file.path) && !isTestOfOurs(file.path))
      .flatMap((file) => {
        const functions = functionsOf(file).filter(({ lines }) => lines > FUNCTION_LINES_MAX);
        const allowed = longFunctions[file.path] ?? 0;
        return functions.length > allowed
          ? functions.map(({ line, lines }) => `${file.path}:${line} has ${lines} lines`)
          : [];
      });
    assert.deepEqual(long, []);
  });

  it('list no exception that is no longer needed', () => {
    const stale = Object.entries(longFiles).filter(([path, lines]) => {
      const file = sources.find((source) => source.path === path);
      return file === undefined || file.text.split('\n').length - 1 < lines;
    });
    assert.deepEqual(stale, []);
  });
});

describe('every file', () => {
  it('opens with what it is (a unit test beside its file is said by that file)', () => {
    const paths = new Set(sources.map((file) => file.path));
    const speaksForItself = (path: string) =>
      paths.has(path.replace(/\.test\.ts$/, '.ts')) && path.endsWith('.test.ts');
    const silent = sources.filter(
      (file) => !generated(file.path) && !speaksForItself(file.path) && !/^(#!.*\n)?\/(\*\*|\/)/.test(file.text),
    );
    assert.deepEqual(
      silent.map((file) => file.path),
      [],
    );
  });

  it('holds no leftover marker', () => {
    const marker = new RegExp(`\\b(${['TO', 'FIX', 'XX'].map((half, i) => half + ['DO', 'ME', 'X'][i]).join('|')})\\b`);
    const left = sources.filter((file) => file.path !== 'test/house.test.ts' && marker.test(file.text));
    assert.deepEqual(
      left.map((file) => file.path),
      [],
    );
  });

  it('is called in kebab-case, after the thing it holds', () => {
    const odd = sources.filter((file) => !/^([a-z0-9-]+\/)*[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(file.path));
    assert.deepEqual(
      odd.map((file) => file.path),
      [],
    );
  });
});

interface Arrow {
  readonly file: string;
  readonly from: string;
  readonly module: string;
  /** The room it leads to, or null for Node and npm. */
  readonly to: string | null;
  readonly target: string | null;
}

function arrows(isChosen: (file: SourceFile) => boolean): Arrow[] {
  return sources
    .filter((file) => !isOutside(file.path) && isChosen(file))
    .flatMap((file) =>
      importsOf(file).map((module) => {
        const target = module.startsWith('.') ? posix.join(posix.dirname(file.path), module) : null;
        return {
          file: file.path,
          from: roomOf(file.path),
          module,
          target,
          to: target === null ? null : roomOf(target),
        };
      }),
    );
}

/** `connectors/postgres/source/source.ts` → `connectors/postgres`; `runtime/worker/task.ts` → `runtime`. */
function roomOf(path: string): string {
  const [first, second, third] = path.split('/');
  for (const doorstep of Object.keys(doorsteps)) if (path.startsWith(`${doorstep}/`)) return doorstep;
  return first === 'connectors' && third !== undefined ? `${first}/${second}` : first!;
}

function mayImportAnything(path: string): boolean {
  // The log commands work on files with no broker between (docs/decisions/0005); cli/workshop.ts hands the runtime's tools
  // and the plugins to commands that need no worker (docs/decisions/0007). The simulator's commands are the simulator (0009).
  return (
    path === 'cli/up.ts' ||
    path === 'cli/worker.ts' ||
    path === 'cli/workshop.ts' ||
    /^cli\/(log|sim)-[a-z]+\.ts$/.test(path) ||
    path === 'connectors/catalogue.ts'
  );
}

/** A `describe` is one function, and grows with its cases: only what tests call is held to the limit. */
function isTestOfOurs(path: string): boolean {
  return /\.(test|cases|fuzz|bench)\.ts$/.test(path);
}

function isNode(module: string): boolean {
  return module.startsWith('node:') && builtinModules.includes(module.slice('node:'.length).split('/')[0]!);
}

function shown({ file, module }: Arrow): string {
  return `${file} imports ${module}`;
}

describe('docs/errors.md', () => {
  const page = existsSync(join(root, 'docs/errors.md')) ? readFileSync(join(root, 'docs/errors.md'), 'utf8') : '';
  const documented = new Set([...page.matchAll(/^\| `([A-Z][A-Z0-9_]+)`/gm)].map((match) => match[1]!));

  it('explains every error code of the code', () => {
    assert.deepEqual([...errorCodes()].filter((code) => !documented.has(code)).sort(), []);
  });

  it('names no code that does not exist', () => {
    const existing = errorCodes();
    assert.deepEqual([...documented].filter((code) => !existing.has(code)).sort(), []);
  });
});

/**
 * Codes as the code writes them: `code: 'X'` at an error's construction, the tables in each room's errors.ts. Kafka's own
 * names (UNKNOWN_TOPIC_OR_PARTITION, …) are Kafka's to explain, and left out.
 */
function errorCodes(): Set<string> {
  const inTables =
    /readonly code(?: =|:) ([^;]+);|\?\? ('[A-Z_]+');|new RegistryError\(\s*('[A-Z_]+')|^ {2}\w+: ('[A-Z_]+'),$/gm;
  const codes = new Set<string>();
  for (const file of sources) {
    if (isOutside(file.path) || file.path.startsWith('broker/protocol/')) continue;
    const matches = [...file.text.matchAll(/\bcode: ('[A-Z_]+')/g)];
    if (file.path.endsWith('/errors.ts')) matches.push(...file.text.matchAll(inTables));
    for (const match of matches) {
      const written = match.slice(1).find((group) => group !== undefined) ?? '';
      for (const [, code] of written.matchAll(/'([A-Z][A-Z0-9_]+)'/g)) codes.add(code!);
    }
  }
  for (const code of Object.keys(cliErrorCodes)) codes.add(code);
  return new Set([...codes].filter((code) => !(code in ErrorCode) && !/^E[A-Z]+$/.test(code)));
}
