/**
 * `npm run demo`: three real flows through one Millrace process, with a database and an MQTT broker of its own.
 *
 * Runs until Ctrl-C and leaves nothing behind. `--check` runs a bounded input with a crash in the middle and compares
 * both ends (exit code 0 or 1). What flows where is in README.md beside this file.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runCheck } from './check.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { type LiveLines, showLive } from './live.ts';
import { flowStates } from './overview.ts';
import { type Services, startServices } from './services.ts';
import { prepareMillrace } from './setup.ts';
import { openShop, type Shop } from './shop.ts';
import { openTill } from './till.ts';

const usage = `Usage: npm run demo -- [options]

  --check          bounded input, one SIGKILL in the middle, then compare both ends; exit 0 or 1
  --data <dir>     keep data in this empty folder (a temporary one is removed at the end)
  --seed <n>       the same seed makes the same shop, trucks and sales (1)
  --trucks <n>     how many trucks report, each every 20 s of their time (200)
  --speed <n>      how fast their time passes (10)
  --free-ports     never use the default ports, even where they are free`;

const CHANGE_MS = 50;
/** A few seconds between events of the shop's story. */
const TRANSACTIONS_PER_EVENT = 60;
const FILE_MS = 3_000;
const LINES_PER_FILE = 200;
const BAD_SHARE = 0.01;

interface Options {
  readonly isCheck: boolean;
  readonly data: string | undefined;
  readonly seed: number;
  readonly trucks: number;
  readonly speed: number;
  readonly wantsFreePorts: boolean;
}

const options = readOptions();
/** Ctrl-C is how the live demo is meant to end; a check that was cut off proved nothing. */
const INTERRUPTED = options.isCheck ? 130 : 0;

const interrupted = new AbortController();
// The second Ctrl-C does not wait for anything; the kits then end their processes on exit.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => (interrupted.signal.aborted ? process.exit(130) : interrupted.abort()));
}
// Exits rather than ends: what an interruption cut off may still hold a connection that tries again for ever.
process.exit(await main());

async function main(): Promise<number> {
  console.log('Starting Postgres, an MQTT broker and Millrace …');
  const wantsDefaultPorts = !options.isCheck && !options.wantsFreePorts;
  let services: Services | null = null;
  try {
    const data = options.data === undefined ? {} : { data: options.data };
    services = await startServices({ wantsDefaultPorts, ...data });
    return await runOn(services);
  } catch (error) {
    // A Ctrl-C reaches Postgres and Millrace too; what fails because of that is no news.
    if (interrupted.signal.aborted) return INTERRUPTED;
    console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
    if (services !== null) console.error(services.millrace.notices());
    return 1;
  } finally {
    await services?.stop();
  }
}

async function runOn(services: Services): Promise<number> {
  const aborted = new Promise<'interrupted'>((resolve) => {
    if (interrupted.signal.aborted) resolve('interrupted');
    interrupted.signal.addEventListener('abort', () => resolve('interrupted'));
  });
  const work = options.isCheck ? runCheck(services, options.seed) : runUntilInterrupted(services);
  // What is cut off by an interruption may fail afterwards.
  work.catch(() => undefined);
  const outcome = await Promise.race([work, aborted]);
  if (outcome === 'interrupted' || interrupted.signal.aborted) {
    console.log('\nStopping …');
    return INTERRUPTED;
  }
  if (!outcome) console.error(services.millrace.notices());
  return outcome ? 0 : 1;
}

/** Moves all three flows until the signal; answers true so that it reads like the check. */
async function runUntilInterrupted(services: Services): Promise<boolean> {
  const client = await services.postgres.connect('shop');
  const shop = await openShop(client, { seed: options.seed, customers: 200 });
  await prepareMillrace(services);
  const { seed, trucks, speed } = options;
  const fleet = startFleet({ url: services.mqtt.url, trucks, seed, speed, reports: null });
  const till = openTill({ folder: services.inbox, seed, badShare: BAD_SHARE, remembers: false });
  printThingsToTry(services);
  const live = showLive(() => flowStates(services.millrace.console));
  try {
    await Promise.race([
      every(CHANGE_MS, shopTeller(shop, live)),
      endless(fleet),
      every(FILE_MS, () => till.drop(LINES_PER_FILE)),
      died(services, live),
    ]);
    return true;
  } finally {
    live.stop();
    await fleet.stop();
  }
}

/** A transaction, and now and then what comes next in the story. */
function shopTeller(shop: Shop, live: LiveLines): () => Promise<void> {
  let transactions = 0;
  return async () => {
    await shop.change();
    const told = ++transactions % TRANSACTIONS_PER_EVENT === 0 ? await shop.event() : null;
    if (told !== null) live.say(told);
  };
}

async function every(intervalMs: number, work: () => Promise<void>): Promise<void> {
  while (!interrupted.signal.aborted) {
    await work();
    await sleep(intervalMs, null, { signal: interrupted.signal }).catch(() => undefined);
  }
}

/** The fleet drives until we are interrupted, as it is by the same Ctrl-C. */
async function endless(fleet: Fleet): Promise<void> {
  await fleet.finished().catch((error: unknown) => {
    if (!interrupted.signal.aborted) throw error;
  });
  await every(CHANGE_MS, async () => undefined);
}

async function died(services: Services, live: LiveLines): Promise<never> {
  const code = await services.millrace.ended();
  live.stop();
  if (interrupted.signal.aborted) return new Promise(() => undefined);
  throw new Error(`Millrace ended by itself (exit code ${code}).`);
}

function printThingsToTry({ millrace, outbox }: Services): void {
  console.log(`
Three flows are running through one Millrace process, started in ${millrace.startMs} ms:
  a shop database → topics → a second database · trucks over MQTT → trucks_gps → last positions · CSV → JSON Lines

Three things to try in another terminal:
  1. the trucks, with any Kafka client:
     kcat -b ${millrace.kafka} -C -t trucks_gps -o -3 -e -f '%k is at [%p]@%o %s\\n'
  2. bad reports, and why they are bad:
     ./bin/millrace consume -b ${millrace.kafka} trucks_gps_dlq -o -5 -e -f '%h{__connect.errors.exception.message}\\n  %s\\n'
  3. the status page, and the sales as they come out:
     ${millrace.console}   tail -f ${outbox}/sales.jsonl

Stop with Ctrl-C.
`);
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        check: { type: 'boolean', default: false },
        data: { type: 'string' },
        seed: { type: 'string', default: '1' },
        trucks: { type: 'string', default: '200' },
        speed: { type: 'string', default: '10' },
        'free-ports': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const [seed, trucks, speed] = [values.seed, values.trucks, values.speed].map(Number) as [number, number, number];
    if (!Number.isSafeInteger(seed) || seed < 1) throw new Error(`--seed "${values.seed}" is no whole number from 1.`);
    if (!Number.isInteger(trucks) || trucks < 1) throw new Error(`--trucks "${values.trucks}" is no number above 0.`);
    if (!(speed > 0)) throw new Error(`--speed "${values.speed}" is no number above 0.`);
    return { isCheck: values.check, data: values.data, seed, trucks, speed, wantsFreePorts: values['free-ports'] };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}
