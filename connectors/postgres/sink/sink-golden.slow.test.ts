/**
 * The differential test of the sink: what the JDBC sinks of Debezium and Confluent made of every scenario (test/golden/jdbc-sinks,
 * recorded by scripts/golden/record-jdbc-sinks.ts) is what ours makes of it under their class names: tables, columns, keys,
 * rows, and which puts are refused. Where ours differs on purpose, test/kit/jdbc-sink-differences.ts has the reason and a file
 * beside theirs what ours makes of it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { differenceOf } from '../../../test/kit/jdbc-sink-differences.ts';
import { comparable, readSinkGolden } from '../../../test/kit/jdbc-sink-golden.ts';
import { startOurs } from '../../../test/kit/jdbc-sink-ours.ts';
import { playSinkScenario } from '../../../test/kit/jdbc-sink-player.ts';
import { jdbcSinkScenarios } from '../../../test/kit/jdbc-sink-scenarios.ts';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';

/** As many at once as two cores like. */
const CONCURRENCY = 4;

describe('the JDBC sinks of Debezium and Confluent', { concurrency: CONCURRENCY }, () => {
  let server: EmbeddedPostgresServer;
  const databases: string[] = [];
  before(async () => {
    server = await startPostgres();
    for (let index = 0; index < CONCURRENCY; index++) databases.push(await server.createDatabase());
  });
  after(() => server.stop());

  for (const scenario of jdbcSinkScenarios) {
    const why = differenceOf(scenario.name);
    test(`${scenario.name}: ${why ?? 'the same tables and rows'}`, async () => {
      const database = databases.pop()!;
      const lines = await playSinkScenario(server, database, scenario, startOurs).finally(() =>
        databases.push(database),
      );
      const ours = comparable(lines);
      const theirs = comparable(readSinkGolden(scenario.name));
      if (why === null) return assert.deepEqual(ours, theirs);
      assert.deepEqual(ours, readSinkGolden(`ours/${scenario.name}`));
      assert.notDeepEqual(ours, theirs, 'it is no difference any more');
    });
  }
});
