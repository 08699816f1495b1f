/**
 * Every key that the JDBC sinks of Debezium and Confluent declare (test/golden/*-sink-keys.tsv, recorded from them) against our
 * declarations: what becomes of it stands in docs/jdbc-sink-keys.md, which `MILLRACE_WRITE=1` renews.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertPage,
  examineKeys,
  type Judged,
  messagesOf,
  readRecordedKeys,
  tableOfKeys,
} from '../../../test/kit/recorded-keys.ts';
import { parseConfig } from '../../api/index.ts';
import { sinkSettings } from './sink-config.ts';
import { sinkConfigDefs } from './sink-keys.ts';

const URL_OF = 'jdbc:postgresql://h/d';
const least = { 'connection.url': URL_OF };
const debezium: Judged = {
  def: sinkConfigDefs.debezium,
  least,
  refusedValues: {},
  otherDefaults: {
    'table.name.format': 'a former name has none of its own',
    'table.naming.strategy': 'a former name has none of its own',
  },
};
const OTHER_DIALECTS = 'Db2 MySql Sybase Generic Oracle SqlServer Sqlite Derby SapHana Vertica'.split(' ');
const confluent: Judged = {
  def: sinkConfigDefs.confluent,
  least,
  refusedValues: { 'dialect.name': OTHER_DIALECTS.map((name) => `${name}DatabaseDialect`) },
  otherDefaults: {},
};
const products = [
  ['Debezium', debezium],
  ['Confluent', confluent],
] as const;
const recordedOf = (product: string) => readRecordedKeys(`${product.toLowerCase()}-sink-keys.tsv`);

for (const [product, judged] of products) examineKeys(product, recordedOf(product), judged);

test('the tables of keys say what becomes of each (MILLRACE_WRITE=1 renews them)', () => {
  assertPage(new URL('../../../docs/jdbc-sink-keys.md', import.meta.url), (found) => {
    const [head] = found.split('\n## ');
    const tables = products.map(([product, judged]) => {
      return `\n## ${product}\n\n${tableOfKeys(recordedOf(product), judged, product)}`;
    });
    return `${head}${tables.join('')}`;
  });
});

describe('keys that the products hand on unread', () => {
  const settings = (dialect: 'debezium' | 'confluent', more: Readonly<Record<string, string>>) =>
    sinkSettings(parseConfig(sinkConfigDefs[dialect], { ...least, ...more }).config, dialect);
  test('parameters of the driver that the URL takes are as good as in it, and the URL wins', () => {
    assert.equal(settings('confluent', { 'connection.sslmode': 'require' }).url, `${URL_OF}?sslmode=require`);
    assert.equal(
      settings('debezium', { 'hibernate.connection.currentSchema': 'a b' }).url,
      `${URL_OF}?currentSchema=a+b`,
    );
    const url = `${URL_OF}?sslmode=disable`;
    assert.equal(settings('confluent', { 'connection.url': url, 'connection.sslmode': 'require' }).url, url);
    assert.throws(() => settings('confluent', { 'connection.sslmode': 'perhaps' }), /an sslmode that is none of/);
  });

  test('what only tells Java how to work has no effect', () => {
    assert.equal(settings('confluent', { 'connection.socketTimeout': '30' }).url, URL_OF);
  });

  test('anything else is refused by name, with what to do', () => {
    const refused = (judged: Judged, more: Readonly<Record<string, string>>, why: RegExp) =>
      assert.match(messagesOf(judged, more).join(), why, JSON.stringify(more));
    refused(confluent, { 'connection.username': 'x' }, /"connection.username". Did you mean "connection.user"/);
    refused(
      confluent,
      { 'connection.socketFactory': 'com.acme.F' },
      /Unknown configuration "connection.socketFactory"/,
    );
  });

  test('classes of Java other than those that are understood are refused with what to do instead', () => {
    const messages = (more: Readonly<Record<string, string>>, judged = debezium) => messagesOf(judged, more).join();
    assert.match(messages({ 'column.naming.strategy': 'com.acme.N' }), /FieldNameTransformation/);
    assert.match(messages({ 'collection.naming.strategy': 'com.acme.N' }), /must be one of .*Passthrough/);
    assert.match(messages({ 'jdbc.credentials.provider.class': 'com.acme.C' }, confluent), /reference to a secret/);
    assert.match(messages({ 'cloud.events.schema.name.pattern': '(' }), /no regular expression/);
  });
});
