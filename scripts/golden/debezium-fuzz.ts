/**
 * Plays random scenarios to the real Debezium and to our source, one after the other on the same server, and tells what differs.
 * A developer's script; what it finds becomes a scenario of test/kit, a fix, or a line of docs/deviations.md.
 *
 *   node scripts/golden/debezium-fuzz.ts [first seed] [how many]      needs a JDK (17 or newer) and `mvn`
 *   node scripts/golden/debezium-fuzz.ts types <seed of the modes> [pattern of types]
 */
import { playScenario } from '../../test/kit/debezium-player.ts';
import { startOurs } from '../../test/kit/our-recorder.ts';
import { startPostgres } from '../../test/kit/postgres.ts';
import { startDebezium } from './debezium-peer.ts';
import { differences } from './fuzz/compare.ts';
import { fuzzScenario, typeScenario } from './fuzz/script.ts';
import { everyType } from './fuzz/types.ts';

const [from = '1', second, third = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
/** Nothing else waits for these scenarios, so that long silence is an answer. */
const DEADLINE_MS = 15_000;
const isTimed = process.argv.includes('--timed');
const isVerbose = process.argv.includes('--verbose');
const scenarios =
  from === 'types'
    ? everyType.filter(({ sql }) => new RegExp(third).test(sql)).map((type) => typeScenario(type, Number(second ?? 1)))
    : Array.from({ length: Number(second ?? 20) }, (_, index) => fuzzScenario(Number(from) + index));
const kinds = new Map<string, { seeds: string[]; example: string }>();
const tell = (line: string) => process.stdout.write(`${line}\n`);
const server = await startPostgres({ settings: { max_replication_slots: '60', max_wal_senders: '20' } });
const debezium = startDebezium();
let records = 0;
try {
  for (const scenario of scenarios) {
    if (isVerbose) tell([JSON.stringify(scenario.config, null, 1), scenario.setup, ...scenario.steps].join('\n'));
    const played = (start: typeof startOurs) =>
      playScenario(server, scenario, start, true, DEADLINE_MS).catch((error: Error) => error);
    if (isTimed) tell(`${new Date().toISOString()} ${scenario.name}`);
    const theirs = await played(debezium.start);
    const ours = await played(startOurs);
    if (theirs instanceof Error || ours instanceof Error) {
      const message = (side: unknown) => (side instanceof Error ? side.message.slice(-700) : 'fine');
      const kind = `ended: theirs ${message(theirs)}; ours ${message(ours)}`;
      note(kind, scenario.name, '');
      continue;
    }
    records += theirs.length;
    for (const { kind, example } of differences(theirs, ours, scenario.tables)) note(kind, scenario.name, example);
  }
} finally {
  await debezium.end();
  await server.stop();
}
for (const [kind, { seeds }] of [...kinds].sort(([one], [other]) => one.localeCompare(other))) {
  tell(`${kind}\n    ${seeds.slice(0, 6).join(', ')}${seeds.length > 6 ? ` and ${seeds.length - 6} more` : ''}`);
}
tell(`${scenarios.length} scenarios, ${records} records, ${kinds.size} kinds of difference`);

function note(kind: string, seed: string, example: string): void {
  const known = kinds.get(kind);
  if (known === undefined) tell(`${seed}: ${kind}\n    ${example}`);
  if (known === undefined) kinds.set(kind, { seeds: [seed], example });
  else known.seeds.push(seed);
}
