/** The shop's connectors are Debezium's: what the files say, its connectors know (as recorded from them, without a JVM). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const namesOf = (path: string) =>
  new Set(
    read(path)
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0]!),
  );

/** Keys that Kafka Connect itself takes for a connector. */
const OF_CONNECT =
  /^(connector\.class|tasks\.max|topics|topics\.regex|topic\.creation\..*|(key|value)\.converter(\..*)?)$/;

const ends = [
  ['shop-source', 'io.debezium.connector.postgresql.PostgresConnector', 'debezium-keys.tsv'],
  ['shop-replica', 'io.debezium.connector.jdbc.JdbcSinkConnector', 'debezium-sink-keys.tsv'],
] as const;

for (const [name, className, recorded] of ends) {
  it(`${name}.json has Debezium's class and no key that Debezium does not know`, () => {
    const file = JSON.parse(read(`connectors/${name}.json`)) as { name: string; config: Record<string, string> };
    const known = namesOf(`../../test/golden/${recorded}`);
    assert.equal(file.name, name);
    assert.equal(file.config['connector.class'], className);
    const own = Object.keys(file.config).filter((key) => !OF_CONNECT.test(key));
    assert.ok(own.length >= 8);
    assert.deepEqual(
      own.filter((key) => !known.has(key)),
      [],
    );
  });
}
