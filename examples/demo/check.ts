/**
 * The demo as an examination: a bounded input through all three flows, Millrace killed with SIGKILL in the middle,
 * then both ends compared by content. Answers true when nothing was lost, changed or invented.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { table } from '../../cli/io.ts';
import { type Comparison, compareSales, compareShop, compareTrucks, isEqual, verifyTrucks } from './compare.ts';
import { type Fleet, reportedBy, startFleet } from './fleet.ts';
import { flowStates } from './overview.ts';
import type { Services } from './services.ts';
import { prepareMillrace } from './setup.ts';
import { openShop, type Shop } from './shop.ts';
import { openTill } from './till.ts';

/** Sizes that keep the whole examination under a minute on two cores that others use, too. */
const CUSTOMERS = 200;
const TRANSACTIONS = 1500;
const TRANSACTIONS_PER_EVENT = 200;
const TRUCKS = 100;
const REPORTS = 60;
/** Twenty minutes on the road in five seconds. */
const SPEED = 240;
const FILES = 24;
const LINES_PER_FILE = 500;
const BAD_SHARE = 0.04;

/** From the end of the input until both ends must agree. */
const SETTLE_DEADLINE_MS = 120_000;
const LOOK_AGAIN_MS = 500;
const KILL_WITHIN_MS = 1_000;
/** Millrace is killed once every flow is under way; if one is not after this long, it is killed all the same. */
const UNDER_WAY_DEADLINE_MS = 15_000;

/** Runs it on services that were just started. Prints as it goes; throws only where a service itself fails. */
export async function runCheck(services: Services, seed: number): Promise<boolean> {
  const began = Date.now();
  const say = (sentence: string) =>
    console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${sentence}`);
  const source = await services.postgres.connect('shop');
  const replica = await services.postgres.connect('replica');
  const shop = await openShop(source, { seed, customers: CUSTOMERS });
  say(`${shop.changes()} rows are in the shop before anybody looks.`);
  await prepareMillrace(services);
  say('Topic, schema and six connectors are in place.');

  const fleet = startFleet({ url: services.mqtt.url, trucks: TRUCKS, seed, speed: SPEED, reports: REPORTS });
  try {
    return await runWith(services, { source, replica, shop, fleet, seed, say, began });
  } finally {
    await fleet.stop();
  }
}

interface Worlds {
  readonly source: pg.Client;
  readonly replica: pg.Client;
  readonly shop: Shop;
  readonly fleet: Fleet;
  readonly seed: number;
  readonly say: (sentence: string) => void;
  readonly began: number;
}

async function runWith(services: Services, worlds: Worlds): Promise<boolean> {
  const { source, replica, shop, fleet, seed, say, began } = worlds;
  const till = openTill({ folder: services.inbox, seed, badShare: BAD_SHARE, remembers: true });
  const parts = [() => runShop(shop, say), repeat(FILES, () => till.drop(LINES_PER_FILE))];
  const work = Promise.all([...parts.map((part) => part()), fleet.finished()]);
  // Awaited below; a failure before that must not end the process.
  work.catch(() => undefined);
  await waitUntilUnderWay(services);
  // Another moment each time: what a crash can break is not always open at the same one.
  await sleep(randomInt(KILL_WITHIN_MS));
  await services.millrace.kill();
  say('Millrace was killed with SIGKILL while all three flows were moving.');
  await services.millrace.restart();
  say(`Millrace is back after ${services.millrace.startMs} ms.`);
  await work;
  const reported = reportedBy(fleet.rules, REPORTS);
  const { good, bad } = reported;
  say(
    `All input is sent: ${shop.changes()} row changes, ${good.size} good and ${bad.size} bad reports, ${till.lines()} CSV lines.`,
  );

  const comparisons = await settled(async () => [
    ...(await compareShop(source, replica)),
    ...(await compareTrucks(services, reported, replica)),
    ...(await compareSales(services, till)),
  ]);
  comparisons.push(await verifyTrucks(services, TRUCKS, REPORTS));
  return report(comparisons, began);
}

/** The whole story, spread over the transactions. */
async function runShop(shop: Shop, say: (sentence: string) => void): Promise<void> {
  for (let i = 1; i <= TRANSACTIONS; i++) {
    await shop.change();
    const told = i % TRANSACTIONS_PER_EVENT === 0 ? await shop.event() : null;
    if (told !== null) say(told);
  }
}

function repeat(times: number, work: () => Promise<void>): () => Promise<void> {
  return async () => {
    for (let i = 0; i < times; i++) await work();
  };
}

/** Until every flow has records in its topic, so that the kill interrupts something. */
async function waitUntilUnderWay(services: Services): Promise<void> {
  const deadline = Date.now() + UNDER_WAY_DEADLINE_MS;
  while (Date.now() < deadline) {
    const states = await flowStates(services.millrace.console).catch(() => []);
    if (states.length > 0 && states.every(({ records }) => records > 0)) return;
    await sleep(100);
  }
}

/** Compares until both ends agree; answers the last comparison when they do not in time. */
async function settled(compare: () => Promise<Comparison[]>): Promise<Comparison[]> {
  const deadline = Date.now() + SETTLE_DEADLINE_MS;
  for (;;) {
    const comparisons = await compare();
    if (comparisons.every(isEqual) || Date.now() > deadline) return comparisons;
    await sleep(LOOK_AGAIN_MS);
  }
}

function report(comparisons: readonly Comparison[], began: number): boolean {
  const rows = comparisons.map((comparison) => ({
    ...comparison,
    verdict: isEqual(comparison) ? 'equal' : 'NOT EQUAL',
  }));
  const columns = ['what', 'expected', 'found', 'missing', 'different', 'unexpected', 'duplicates', 'verdict'];
  console.log(`\n${table(rows, columns)}`);
  for (const { what, example } of comparisons.filter((comparison) => !isEqual(comparison)))
    console.log(`${what}: ${example}`);
  const isGood = comparisons.every(isEqual);
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(isGood ? `Nothing was lost, in ${seconds} s.` : `Both ends differ after ${seconds} s.`);
  return isGood;
}
