/**
 * The fleet of flow (b): `millrace sim fleet` as a process of its own, reporting over MQTT, and the plan it follows.
 *
 * What every truck reports is a pure function of the rules, faults included, so that whoever checks works out what must
 * have arrived without having seen it being sent.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Faults, type FleetRules, type GpsReport, payloadOf } from '../../connectors/sim/fleet.ts';
import { truckId } from '../../connectors/sim/truck.ts';
import { launcher } from './setup.ts';

/** One report per truck in this simulated time. */
const INTERVAL_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;

/** Enough of everything that goes wrong on the road to see it, and most reports as they should be. */
export const faults: Faults = { tunnel: 0.02, duplicate: 0.02, late: 0.02, bad: 0.03, skew: 0.05, newFieldAt: 0 };

export interface FleetOptions {
  /** The MQTT broker. */
  readonly url: string;
  readonly trucks: number;
  readonly seed: number;
  /** How fast simulated time passes. */
  readonly speed: number;
  /** Each truck's last report; null goes on for ever. */
  readonly reports: number | null;
}

export interface Fleet {
  readonly rules: FleetRules;
  /** Resolves when every report is acknowledged by the MQTT broker; rejects when the simulator fails. */
  finished(): Promise<void>;
  stop(): Promise<void>;
}

/** Lets the trucks drive. */
export function startFleet({ url, trucks, seed, speed, reports }: FleetOptions): Fleet {
  const startMs = Math.floor(Date.now() / INTERVAL_MS) * INTERVAL_MS;
  const args = ['sim', 'fleet', '--mqtt', url, '--trucks', trucks, '--seed', seed, '--speed', speed];
  args.push('--interval', INTERVAL_MS, '--start', new Date(startMs).toISOString(), '--faults', faultList(faults));
  if (reports !== null) args.push('--reports', reports);
  const child = spawn(launcher, args.map(String), { stdio: ['ignore', 'ignore', 'pipe'] });
  const endWithUs = () => child.kill('SIGKILL');
  process.on('exit', endWithUs);
  const finished = ended(child).finally(() => process.off('exit', endWithUs));
  // Who does not wait for it hears of it in `stop`, or not at all.
  finished.catch(() => undefined);
  return {
    rules: { seed, trucks, intervalMs: INTERVAL_MS, startMs, faults },
    finished: () => finished,
    async stop() {
      child.kill('SIGTERM');
      const late = sleep(STOP_DEADLINE_MS, null, { ref: false }).then(() => child.kill('SIGKILL'));
      await Promise.race([finished.catch(() => undefined), late]);
    },
  };
}

/** As `--faults` takes them. */
function faultList({ newFieldAt, ...shares }: Faults): string {
  return [...Object.entries(shares), ['new-field', newFieldAt]].map(([name, share]) => `${name}=${share}`).join(',');
}

async function ended(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`millrace sim fleet ended with ${code ?? signal}: ${said.trim()}`);
}

/** What must have arrived once every truck has made so many reports. */
export interface Reported {
  /** `<id>#<seq>` → payload. */
  readonly good: ReadonlyMap<string, string>;
  readonly bad: ReadonlyMap<string, string>;
  /** The newest good report of each truck, by its id. */
  readonly last: ReadonlyMap<string, GpsReport>;
}

export function reportedBy(rules: FleetRules, reports: number): Reported {
  const good = new Map<string, string>();
  const bad = new Map<string, string>();
  const last = new Map<string, GpsReport>();
  for (let truck = 0; truck < rules.trucks; truck++) {
    const id = truckId(truck);
    for (let seq = 1; seq <= reports; seq++) {
      const { text, isBad } = payloadOf(rules, truck, seq);
      (isBad ? bad : good).set(`${id}#${seq}`, text);
      if (!isBad) last.set(id, JSON.parse(text) as GpsReport);
    }
  }
  return { good, bad, last };
}
