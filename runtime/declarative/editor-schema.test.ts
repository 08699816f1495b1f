import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { catalogue } from '../../connectors/catalogue.ts';
import { Plugins } from '../worker/plugins.ts';
import { connectorFileSchema } from './editor-schema.ts';

const plugins = new Plugins(catalogue);
const ajv = new Ajv({ strict: false, allErrors: true });
const any = ajv.compile(connectorFileSchema(plugins));

const right = { 'connector.class': 'FileSource', file: 'a', topic: 't', 'batch.size': 5, 'csv.header': 'true' };

describe('the JSON Schema of connector files', () => {
  it('takes right files, flat and wrapped, with transforms, converters and references', () => {
    assert.ok(any(right), JSON.stringify(any.errors));
    const config = {
      ...right,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's reference.
      'batch.size': '${env:SIZE}',
      transforms: 'm',
      'transforms.m.type': 'MaskField$Value',
      'transforms.m.fields': 'a',
      'value.converter': 'JsonConverter',
      'value.converter.schemas.enable': false,
      'topic.creation.default.partitions': 3,
    };
    assert.ok(any({ $schema: 'x', name: 'n', initial_state: 'PAUSED', config }), JSON.stringify(any.errors));
  });

  const wrong: Readonly<Record<string, object>> = {
    'a number that is none': { ...right, 'batch.size': 'many' },
    'a number out of range': { ...right, 'batch.size': 0 },
    'a word that is none': { ...right, format: 'xml' },
    'a key nobody knows': { ...right, tpoic: 'x' },
    'a missing key': { 'connector.class': 'FileSource', file: 'a' },
    'a class nobody is': { ...right, 'connector.class': 'FileSauce' },
    'a key beside config': { config: right, confg: {} },
    'two keys that exclude each other': { 'connector.class': 'FileSink', topics: 't', file: 'a', directory: 'b' },
    'a sink without topics': { 'connector.class': 'FileSink', file: 'a' },
    'a sink with topics and topics.regex': {
      'connector.class': 'FileSink',
      file: 'a',
      topics: 't',
      'topics.regex': 't',
    },
    'none of two keys': { 'connector.class': 'FileSink', topics: 't' },
  };
  for (const [what, file] of Object.entries(wrong)) it(`refuses ${what}`, () => assert.equal(any(file), false));

  it('of one class knows the Java name of that class, and no other class', () => {
    const one = ajv.compile(connectorFileSchema(plugins, plugins.find('FileSink', 'sink')));
    const java = 'org.apache.kafka.connect.file.FileStreamSinkConnector';
    assert.ok(one({ 'connector.class': java, topics: 't', file: 'a' }), JSON.stringify(one.errors));
    assert.equal(one(right), false);
  });

  it('carries the documentation and the default of each key', () => {
    const text = JSON.stringify(connectorFileSchema(plugins, plugins.find('FileSource', 'source')));
    assert.match(text, /"batch\.size":\{"description":"Records one poll returns at most\.","default":2000/);
  });
});
