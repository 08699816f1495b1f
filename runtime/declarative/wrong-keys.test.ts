/**
 * Every key of every built-in plugin and of the runtime, wrong in every way it can be: the answer names the key and the
 * value, and says what would be right. The cases come from the declarations, so a new key is examined without a new test.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigDef, type ConfigKey, type Plugin, parseConfig, unknownKeys } from '../../connectors/api/index.ts';
import { catalogue } from '../../connectors/catalogue.ts';
import { strayKey } from '../worker/foreign-keys.ts';
import { connectorKeys, predicateKeys, sinkKeys, sourceKeys, transformKeys, workerKeys } from '../worker/keys.ts';
import { planConnector } from '../worker/plan.ts';
import { Plugins } from '../worker/plugins.ts';

const declarations: readonly (readonly [string, ConfigDef])[] = [
  ...catalogue.map((plugin) => [plugin.class, plugin.config] as const),
  ['connector', connectorKeys],
  ['source', sourceKeys],
  ['sink', sinkKeys],
  ['transform', transformKeys],
  ['predicate', predicateKeys],
  ['worker', workerKeys],
];

interface Wrong {
  readonly how: string;
  readonly value: string;
  /** What the message says to do. */
  readonly fix: RegExp;
}

/** The ways in which a value of this key can be wrong, as far as its declaration tells. */
function wrongValues(declared: ConfigKey): Wrong[] {
  const { type, min, max, oneOf } = declared;
  const wrong: Wrong[] = [];
  const isWhole = type === 'int' || type === 'long';
  if (isWhole) {
    for (const value of ['many', '1.5', '', '1e3', '0x10']) {
      wrong.push({ how: `no whole number (${value})`, value, fix: /write digits only/ });
    }
    wrong.push({
      how: 'beyond its bits',
      value: type === 'int' ? '2147483648' : '9007199254740993',
      fix: /digits only/,
    });
  }
  if (type === 'double') wrong.push({ how: 'no number', value: 'half', fix: /write one such as 0\.5/ });
  if (type === 'boolean') {
    for (const value of ['yes', '1', ''])
      wrong.push({ how: `no boolean (${value})`, value, fix: /write true or false/ });
  }
  if (isWhole || type === 'double') {
    const below = min === undefined ? [] : [min - 1];
    const above = max === undefined ? [] : [max + 1];
    for (const value of below)
      wrong.push({ how: 'too small', value: String(value), fix: new RegExp(`at least ${min}`) });
    for (const value of above)
      wrong.push({ how: 'too large', value: String(value), fix: new RegExp(`at most ${max}`) });
  }
  // Of a number or a boolean the type is judged first.
  if (oneOf !== undefined && ['string', 'list', 'class'].includes(type)) {
    const list = `must be one of ${oneOf.join(', ')}`;
    wrong.push({ how: 'none of its words', value: 'no-such-word', fix: new RegExp(escaped(list)) });
    const near = `${oneOf[0]!}x`;
    const hint = oneOf[0]!.length < 3 || oneOf.includes(near) ? list : `did you mean ${oneOf[0]}`;
    wrong.push({ how: 'a misspelled word', value: near, fix: new RegExp(escaped(hint)) });
  }
  return wrong;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The problems that name this key. */
function problemsOf(def: ConfigDef, key: string, raw: Record<string, string>) {
  return parseConfig(def, raw).problems.filter((problem) => problem.key === key);
}

for (const [name, def] of declarations) {
  const entries = Object.entries(def).filter(([key]) => !key.endsWith('.*'));
  describe(`wrong keys of ${name}`, () => {
    it('values: the message has the key, the value and what would be right', () => {
      for (const [key, declared] of entries) {
        for (const { how, value, fix } of wrongValues(declared)) {
          const problems = problemsOf(def, key, { [key]: value });
          assert.equal(problems.length, 1, `${key} ${how}: one problem`);
          const shown = declared.type === 'password' ? '[hidden]' : value;
          assert.equal(problems[0]!.value, shown);
          assert.match(problems[0]!.message, new RegExp(`"${escaped(key)}"`), `${key} ${how}: the key`);
          assert.ok(problems[0]!.message.includes(JSON.stringify(shown)), `${key} ${how}: the value`);
          assert.match(problems[0]!.message, fix, `${key} ${how}: the fix`);
        }
      }
    });

    it('empty where something is needed: the message says so, and what the key is for', () => {
      for (const [key, declared] of entries) {
        if (declared.default !== undefined || declared.mayBeEmpty === true || declared.oneOf !== undefined) continue;
        const problems = problemsOf(def, key, { [key]: ' ' }).filter(({ message }) => message.startsWith('Invalid'));
        assert.equal(problems.length, 1, key);
        const shown = declared.type === 'password' ? '\\[hidden\\]' : '" "';
        assert.match(problems[0]!.message, new RegExp(`${shown} for configuration "${escaped(key)}": it `), key);
      }
    });

    it('missing: the message names the key and says what it is for', () => {
      for (const [key, declared] of entries) {
        if (declared.default !== undefined) continue;
        const [problem, ...more] = problemsOf(def, key, {});
        assert.equal(more.length, 0);
        assert.ok(problem?.message.includes(`"${key}"`) && problem.message.includes(declared.doc), key);
      }
    });

    it('two that exclude each other, or none where one is needed: both names are in the message', () => {
      for (const [key, declared] of entries) {
        for (const other of declared.excludes ?? []) {
          assert.ok(other in def, `${key} excludes ${other}, which nobody declares`);
          const raw = { [key]: String(declared.oneOf?.[0] ?? 'x'), [other]: 'y' };
          const told = parseConfig(def, raw).problems.filter(({ message }) => message.includes('exclude each other'));
          assert.equal(told.length, 1, `${key} with ${other}`);
          assert.match(told[0]!.message, new RegExp(`"${escaped(key)}".*"${escaped(other)}".*Remove one`));
        }
        const alternatives = declared.requiredUnless ?? [];
        if (alternatives.length === 0) continue;
        const [problem] = problemsOf(def, key, {});
        for (const each of [key, ...alternatives]) assert.ok(problem?.message.includes(`"${each}"`), each);
      }
    });

    it('misspelled: the message has the wrong name and the right one', () => {
      for (const [key] of entries) {
        if (key.length < 4) continue;
        for (const wrong of [`${key}x`, key.slice(0, -1), `${key[1]}${key[0]}${key.slice(2)}`]) {
          if (wrong in def) continue;
          const [problem, ...more] = unknownKeys([def], { [wrong]: 'x' });
          // A family (`producer.override.*`) takes any name below it.
          if (problem === undefined) continue;
          assert.equal(more.length, 0);
          assert.equal(problem.value, 'x');
          assert.ok(problem.message.includes(`"${wrong}"`), wrong);
          const hint = /Did you mean "([^"]+)"\?/.exec(problem.message)?.[1];
          assert.ok(hint !== undefined && hint in def, `${wrong}: ${problem.message}`);
        }
      }
    });
  });
}

/** Texts that few keys take: what a plugin's own check says of them is examined like the rest. */
const garbage = ['', '(', '[', '-5', 'no-such', '{{{', 'a b', '://', 'x:y:z', '${', '0', ',,', 'a:', '/', '\u0000'];
const plugins = new Plugins(catalogue);
const workerConverters = {
  'key.converter': 'JsonConverter',
  'value.converter': 'JsonConverter',
  'header.converter': 'SimpleHeaderConverter',
};

/** Where a plugin's keys stand in a connector's flat config, and the rest of that config. */
function surroundings(plugin: Plugin): { readonly prefix: string; readonly rest: Record<string, string> } {
  const source = { 'connector.class': 'FileSource', name: 'c', file: 'in.txt', topic: 't' };
  const name = plugin.class;
  switch (plugin.type) {
    case 'source':
    case 'sink':
      return { prefix: '', rest: { 'connector.class': name, name: 'c' } };
    case 'transformation':
      return { prefix: 'transforms.x.', rest: { ...source, transforms: 'x', 'transforms.x.type': name } };
    case 'predicate':
      return { prefix: 'predicates.x.', rest: { ...source, predicates: 'x', 'predicates.x.type': name } };
    case 'converter':
      return { prefix: 'value.converter.', rest: { ...source, 'value.converter': name } };
    case 'header_converter':
      return { prefix: 'header.converter.', rest: { ...source, 'header.converter': name } };
  }
}

describe('in the flat config of a connector', () => {
  for (const plugin of catalogue) {
    it(`what ${plugin.class} (${plugin.type}) says of any text has the whole key, the value and what it is for`, () => {
      const { prefix, rest } = surroundings(plugin);
      for (const [key, declared] of Object.entries(plugin.config)) {
        if (key.endsWith('.*')) continue;
        for (const value of garbage) {
          const whole = prefix + key;
          const { problems } = planConnector(plugins, { ...rest, [whole]: value }, workerConverters);
          for (const problem of problems) {
            if (problem.key !== whole || !problem.message.startsWith('Invalid')) continue;
            const shown = declared.type === 'password' ? '[hidden]' : JSON.stringify(value);
            assert.ok(
              problem.message.startsWith(`Invalid value ${shown} for configuration "${whole}": it `),
              problem.message,
            );
            const advice =
              /write|must|one of|did you mean|give it/.test(problem.message) || problem.message.includes(declared.doc);
            assert.ok(advice, problem.message);
          }
          assert.equal(new Set(problems.map(({ message }) => message)).size, problems.length, 'said once');
        }
      }
    });

    it(`a misspelled key of ${plugin.class} (${plugin.type}) is refused with its whole name, its value and the right one`, () => {
      const { prefix, rest } = surroundings(plugin);
      const all = { ...connectorKeys, ...sourceKeys, ...sinkKeys, ...plugin.config };
      for (const key of Object.keys(plugin.config)) {
        const wrong = `${prefix}${key}x`;
        if (key.endsWith('.*') || key.length < 4 || `${key}x` in all) continue;
        const { problems } = planConnector(plugins, { ...rest, [wrong]: 'v' }, workerConverters);
        const problem = problems.find((each) => each.key === wrong);
        // A family of keys takes any name below it.
        if (
          problem === undefined &&
          Object.keys(all).some((each) => each.endsWith('.*') && wrong.startsWith(each.slice(0, -1)))
        )
          continue;
        // The rest of another product's family is passed over with a warning.
        if (problem === undefined && strayKey(wrong, plugin.class, rest)?.isHarmless) continue;
        assert.match(
          problem?.message ?? `${wrong} passed`,
          new RegExp(`Unknown configuration "${escaped(wrong)}"\\. Did you mean "`),
        );
        assert.equal(problem!.value, 'v');
      }
    });
  }
});
