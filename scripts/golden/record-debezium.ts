/**
 * Records what Debezium answers to the scenarios of test/kit/debezium-scenarios.ts. A developer's script: the
 * answers are checked in under test/golden/debezium, the test that reads them needs no JVM.
 *
 *   node scripts/golden/record-debezium.ts [scenario…]      needs a JDK (17 or newer) and `mvn`
 */

import { debeziumFuzzScenarios } from '../../test/kit/debezium-fuzz-scenarios.ts';
import { writeGolden } from '../../test/kit/debezium-golden.ts';
import { playScenario } from '../../test/kit/debezium-player.ts';
import { debeziumScenarios } from '../../test/kit/debezium-scenarios.ts';
import { debeziumSignalScenarios } from '../../test/kit/debezium-signal-scenarios.ts';
import { debeziumSuiteScenarios } from '../../test/kit/debezium-suite-scenarios.ts';
import { startPostgres } from '../../test/kit/postgres.ts';
import { startDebezium } from './debezium-peer.ts';

const debezium = startDebezium();
const wanted = process.argv.slice(2);
const server = await startPostgres({ settings: { max_replication_slots: '60', max_wal_senders: '20' } });
try {
  for (const scenario of [
    ...debeziumScenarios,
    ...debeziumSignalScenarios,
    ...debeziumSuiteScenarios,
    ...debeziumFuzzScenarios,
  ]) {
    if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
    const records = await playScenario(server, scenario, debezium.start, true).catch((error: Error) => error);
    if (records instanceof Error) process.exitCode = 1;
    else writeGolden(scenario.name, records);
    process.stdout.write(
      `${scenario.name}: ${records instanceof Error ? records.message : `${records.length} records`}\n`,
    );
  }
} finally {
  await debezium.end();
  await server.stop();
}
