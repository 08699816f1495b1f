/**
 * Keys of a product as it declares them (test/golden/*-keys.tsv, made by scripts/golden/record-debezium-keys.ts) beside ours for its
 * class name: what becomes of each, as tests compare it and as the pages docs/*-keys.md show it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ConfigDef, type ConfigKey, parseConfig, unknownKeys } from '../../connectors/api/index.ts';

export interface RecordedKey {
  readonly name: string;
  /** Their default as text, empty where there is none. */
  readonly theirs: string;
  /** The words that may be said, where they are declared. */
  readonly allowed: readonly string[];
}

/** The keys of a file of test/golden. */
export function readRecordedKeys(file: string): readonly RecordedKey[] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8');
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const [name, , theirs, values] = line.split('\t') as [string, string, string, string];
    const allowed = values.slice(1, -1).split(', ').filter(Boolean);
    return [{ name, theirs: theirs === 'null' ? '' : theirs, allowed }];
  });
}

/** What our declaration makes of a product's keys. */
export interface Judged {
  readonly def: ConfigDef;
  /** The least that a config has to say. */
  readonly least: Readonly<Record<string, string>>;
  /** Values that the product knows and that are refused here. */
  readonly refusedValues: Readonly<Record<string, readonly string[]>>;
  /** Keys whose default is not theirs, each with the reason. */
  readonly otherDefaults: Readonly<Record<string, string>>;
  /** What becomes of keys that are not declared: by the worker, or refused by name; null where there should be none. */
  readonly undeclared?: (name: string) => readonly [fate: string, why: string] | null;
}

/** The declaration of a key, by its name or by the beginning of it. */
export function declarationOf(def: ConfigDef, name: string): ConfigKey | undefined {
  const family = Object.keys(def).find((key) => key.endsWith('.*') && name.startsWith(key.slice(0, -1)));
  return def[name] ?? (family === undefined ? undefined : def[family]);
}

/** What is wrong with a config that says this beside the least. */
export function messagesOf({ def, least }: Judged, more: Readonly<Record<string, string>>): readonly string[] {
  const raw = { ...least, ...more };
  return [...parseConfig(def, raw).problems, ...unknownKeys([def], raw)].map(({ message }) => message);
}

const textOf = ({ default: value }: ConfigKey) => (Array.isArray(value) ? value.join(',') : String(value ?? ''));

/** Tests that every key of a product is declared here, with its default and its words, or has a reason not to. */
export function examineKeys(product: string, recorded: readonly RecordedKey[], judged: Judged): void {
  test(`every key of ${product} is declared, by its name or by the beginning of it, or refused by name`, () => {
    assert.ok(recorded.length > 0);
    for (const { name } of recorded) {
      if (declarationOf(judged.def, name) !== undefined) continue;
      const [fate] = judged.undeclared?.(name) ?? [];
      assert.ok(fate, `${name} is not declared`);
      if (fate === 'refused') assert.match(messagesOf(judged, { [name]: 'x' }).join(), new RegExp(`"${name}"`));
    }
  });

  test(`defaults are those of ${product}, but for those that stand here with a reason`, () => {
    for (const { name, theirs } of recorded) {
      const declared = judged.def[name];
      if (declared === undefined || declared.default === undefined) continue;
      const isSame = textOf(declared).toLowerCase() === theirs.toLowerCase();
      assert.equal(isSame, !(name in judged.otherDefaults), `${name}: ${textOf(declared)}, theirs is ${theirs}`);
    }
  });

  test(`every word that ${product} allows is taken, in any case of letters, or refused with those that are`, () => {
    for (const { name, allowed } of recorded) {
      for (const value of allowed) {
        const messages = messagesOf(judged, { [name]: value.toUpperCase() });
        const isRefused = judged.refusedValues[name]?.includes(value) === true;
        assert.equal(messages.length > 0, isRefused, `${name}=${value}: ${messages.join()}`);
        if (isRefused)
          assert.match(messages.join(), new RegExp(`"${value.toUpperCase()}" .*"${name}".*must be one of`));
      }
      if (allowed.length === 0) continue;
      assert.match(messagesOf(judged, { [name]: 'nonsense' }).join(), /must be one of|there are/, name);
    }
  });
}

function fateOf(name: string, { def, refusedValues, undeclared }: Judged): readonly [fate: string, why: string] {
  const declared = declarationOf(def, name);
  if (declared === undefined) return undeclared?.(name) ?? ['missing', 'Not declared.'];
  const [, word, why] =
    /^(Accepted|Only|Refused)(?: for Debezium)?(?:;| `[^`]*`(?:, or nothing)?;) (.*)$/s.exec(declared.doc) ?? [];
  if (word === 'Accepted') return ['no effect', why!];
  if (word === 'Only') return ['default only', why!];
  if (word === 'Refused') return ['refused', why!];
  const not = refusedValues[name] ?? [];
  const except = not.length === 0 ? '' : ` Not \`${not.join('`, `')}\`.`;
  return [not.length === 0 ? 'obeyed' : 'obeyed in part', declared.doc + except];
}

/** The rows of the table of keys, as Markdown. */
export function tableOfKeys(recorded: readonly RecordedKey[], judged: Judged, product: string): string {
  const rows = recorded.map(({ name, theirs }) => {
    const [fate, why] = fateOf(name, judged);
    const cell = (text: string) => text.replaceAll('|', '\\|');
    const standard = theirs === '' ? '–' : `\`${theirs}\``;
    return `| \`${cell(name)}\` | ${cell(standard)} | ${fate} | ${cell(why)} |`;
  });
  return [`| key | ${product}'s default | here | meaning, or why |`, '|---|---|---|---|', ...rows, ''].join('\n');
}

/** Compares a page with what it should be, or writes it where `MILLRACE_WRITE=1`. */
export function assertPage(page: URL, right: (found: string) => string): void {
  const found = readFileSync(page, 'utf8');
  const wanted = right(found);
  if (process.env.MILLRACE_WRITE === '1' && found !== wanted) writeFileSync(page, wanted);
  else assert.equal(found, wanted);
}
