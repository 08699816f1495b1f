import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';
import { withDefaults } from '../worker/defaults.ts';
import { Plugins } from '../worker/plugins.ts';
import { lint } from './lint.ts';

const rules = { plugins: new Plugins(catalogue), worker: withDefaults({}) };

function linted(...texts: readonly string[]): string[] {
  const files = texts.map((text, index) => ({ path: `${'abc'[index]}.json`, text }));
  return lint(files, rules).findings.map(
    ({ severity, file, line, column, message }) => `${severity} ${file}:${line}:${column} ${message}`,
  );
}

const source = (more: string) => `{"connector.class": "FileSource", "file": "in.txt", "topic": "lines"${more}}`;

describe('linting connector files', () => {
  it('finds nothing in right ones, flat or wrapped, with an editor schema and an initial state', () => {
    const wrapped = `{"$schema": "x", "name": "b", "initial_state": "stopped", "config": ${source('')}}`;
    assert.deepEqual(linted(source(', "$schema": "x", "batch.size": 10, "csv.header": true'), wrapped), []);
  });

  it('points at the value that is wrong, and at the key nobody knows', () => {
    assert.deepEqual(linted(source(',\n "batch.size": "many",\n "tpoic": "x"')), [
      'error a.json:2:16 Invalid value "many" for configuration "batch.size": it is no whole number (32 bits); write digits only, such as 100.',
      'error a.json:3:2 Unknown configuration "tpoic". Did you mean "topic"?',
    ]);
  });

  it('points at the brace where a key is missing', () => {
    assert.deepEqual(linted('{"name": "x",\n "config": {"connector.class": "FileSource", "topic": "t"}}'), [
      'error a.json:2:12 Missing required configuration "file" which has no default value. Set it: What to read: a file (which may appear later), a folder, or a glob such as /data/in/**/*.csv.',
    ]);
  });

  it('goes into transforms, predicates and converters', () => {
    const chain = [
      '"transforms": "mask,route"',
      '"transforms.mask.type": "MaskField"',
      '"transforms.mask.predicate": "isOdd"',
      '"transforms.route.type": "RegexRuter"',
      '"predicates": "isOld"',
      '"predicates.isOld.type": "TopicNameMatches"',
      '"predicates.isOld.pattern": "("',
      '"value.converter": "JsonConverter"',
      '"value.converter.schemas.enable": "maybe"',
    ].join(',\n');
    const found = linted(source(`,\n${chain}`)).map((finding) => finding.replace(/^error a\.json:/, ''));
    assert.equal(found.length, 5, found.join('\n'));
    assert.match(found[0]!, /^1:1 Missing required configuration "transforms\.mask\.fields"/);
    assert.match(found[1]!, /^4:30 The predicate "isOdd" .* Did you mean "isOld"\?/);
    assert.match(found[2]!, /^5:26 No plugin of class "RegexRuter" .* Did you mean RegexRouter/);
    assert.match(found[3]!, /^8:29 .*"predicates\.isOld\.pattern"/);
    assert.match(found[4]!, /^10:35 .*"value\.converter\.schemas\.enable".* write true or false/);
  });

  it('takes versions of plugins as ranges, and says which there are', () => {
    assert.deepEqual(linted(source(', "connector.plugin.version": "[0.1,1)"')), []);
    const transform = ', "transforms": "m", "transforms.m.type": "MaskField", "transforms.m.fields": "a"';
    const [connector, step] = linted(
      source(`,\n"connector.plugin.version": "9"${transform},\n"transforms.m.plugin.version": "[9,"`),
    );
    assert.match(connector!, /^error a\.json:2:29 The version "9" of FileSource matches none\. There is \d/);
    assert.match(step!, /^error a\.json:3:32 The version "\[9," of MaskField\$Value is no version or range/);
  });

  it('leaves what a reference stands for to the worker', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's reference.
    assert.deepEqual(linted(source(', "batch.size": "${env:SIZE}", "format": "${file:/x:y}"')), []);
  });

  it('warns of unknown keys where the config lets them pass', () => {
    assert.deepEqual(linted(source(', "config.unknown.keys": "warn",\n"tpoic": "x"')), [
      'warning a.json:2:1 Unknown configuration "tpoic". Did you mean "topic"?',
    ]);
    assert.deepEqual(linted(source(', "config.unknown.keys": "ignore", "tpoic": "x"')), []);
  });

  it('refuses a name that is taken, a key that stands twice, and values that are no text', () => {
    const found = linted(source(', "name": "c"'), source(', "topic": "y"'), source(', "batch.size": null'));
    assert.deepEqual(found, [
      'error b.json:1:71 "topic" stands twice; only the last one would count. Remove one.',
      'error c.json:1:1 Connector "c" is also in a.json. Names are unique: change one, or remove a file.',
      'error c.json:1:85 The value of "batch.size" is null. Remove the key, or give it a value.',
    ]);
  });

  it('says what the file itself is, where it is no connector', () => {
    assert.deepEqual(linted('[1]', '{"name": "b", "confg": {"a": "b"}, "config": {}}'), [
      'error a.json:1:1 A connector file holds one JSON object: wrap its content in { … }.',
      'error b.json:1:15 Unknown key "confg" beside "config". Did you mean "config"?',
      'error b.json:1:46 Missing required configuration "connector.class" which has no default value. Set it: The plugin: its name or one of its aliases.',
    ]);
  });
});
