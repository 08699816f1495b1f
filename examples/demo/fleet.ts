/**
 * The fleet of flow (b): trucks that drive along routes and report over MQTT, now and then nonsense.
 *
 * A position is a pure function of seed, truck and report number, so that whoever checks can work out what must have
 * arrived. `trucks/<id>/gps`, QoS 1; a report counts as sent once the MQTT broker has acknowledged it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { routes as allRoutes } from '../../connectors/sim/routes.ts';
import { seeded } from './random.ts';

/** What a truck says; trucks_gps.schema.json describes it. */
export interface GpsReport {
  readonly id: string;
  readonly lat: number;
  readonly long: number;
  readonly ts: string;
  readonly speed: number;
  readonly heading: number;
  /** Counts a truck's reports from 1, bad ones included: what is missing shows. */
  readonly seq: number;
}

/** The first five of the simulator's: enough to look right on a map. */
const routes = allRoutes.slice(0, 5);

const REPORT_SECONDS = 20;
/** Reports on their way to the MQTT broker at once. */
const IN_FLIGHT_MAX = 200;
const PUBLISH_DEADLINE_MS = 60_000;

/** What the fleet has said so far. */
export interface FleetCount {
  readonly good: number;
  readonly bad: number;
}

export interface Fleet {
  readonly trucks: number;
  /** Every truck reports once more. Resolves when all are acknowledged. */
  round(): Promise<void>;
  count(): FleetCount;
  /** `<id>#<seq>` → payload, of the good and of the bad reports sent so far. */
  readonly sentGood: ReadonlyMap<string, string>;
  readonly sentBad: ReadonlyMap<string, string>;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly url: string;
  readonly trucks: number;
  readonly seed: number;
  /** How often a report is deliberately bad. */
  readonly badShare: number;
  /** Keeps every payload for a later comparison; off where the demo runs for hours. */
  readonly remembers: boolean;
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const client = await mqtt.connectAsync(options.url, { clientId: `demo-fleet-${options.seed}`, reconnectPeriod: 200 });
  // Reconnecting is the client's business; without a listener an error would end the demo.
  client.on('error', () => undefined);
  const chance = seeded(options.seed ^ 0x5eed);
  const sentGood = new Map<string, string>();
  const sentBad = new Map<string, string>();
  let [good, bad, seq] = [0, 0, 0];

  const publish = async (truck: number, number: number) => {
    const id = truckId(truck);
    const report = reportOf(options.seed, truck, number);
    const isBad = chance.chance(options.badShare);
    const payload = isBad ? spoiled(report, chance.below(SPOILS)) : JSON.stringify(report);
    await withDeadline(client.publishAsync(`trucks/${id}/gps`, payload, { qos: 1 }), `the report of ${id}`);
    if (isBad) bad++;
    else good++;
    if (options.remembers) (isBad ? sentBad : sentGood).set(`${id}#${number}`, payload);
  };

  return {
    trucks: options.trucks,
    async round() {
      seq++;
      for (let first = 0; first < options.trucks; first += IN_FLIGHT_MAX) {
        const count = Math.min(IN_FLIGHT_MAX, options.trucks - first);
        await Promise.all(Array.from({ length: count }, (_, index) => publish(first + index, seq)));
      }
    },
    count: () => ({ good, bad }),
    sentGood,
    sentBad,
    stop: async () => client.endAsync(true),
  };
}

async function withDeadline<T>(work: Promise<T>, what: string): Promise<T> {
  const abort = new AbortController();
  const late = sleep(PUBLISH_DEADLINE_MS, null, { signal: abort.signal, ref: false }).then(() => {
    throw new Error(`The MQTT broker did not acknowledge ${what} within ${PUBLISH_DEADLINE_MS / 1000} s.`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    abort.abort();
  }
}

function truckId(truck: number): string {
  return `T${String(truck + 1).padStart(4, '0')}`;
}

/** What truck number `truck` reports the `seq`-th time. */
export function reportOf(seed: number, truck: number, seq: number): GpsReport {
  const random = seeded(seed * 7919 + truck);
  const route = routes[truck % routes.length]!;
  const kmh = 55 + random.below(35);
  const start = random.next() * 2 * (route.length - 1);
  // About 150 km lie between two turns; there and back again without end.
  const travelled = start + (kmh * ((seq * REPORT_SECONDS) / 3600)) / 150;
  const period = 2 * (route.length - 1);
  const phase = travelled % period;
  const place = phase <= route.length - 1 ? phase : period - phase;
  const leg = Math.min(Math.floor(place), route.length - 2);
  const [from, to] = [route[leg]!, route[leg + 1]!];
  const part = place - leg;
  return {
    id: truckId(truck),
    lat: rounded(from[0] + (to[0] - from[0]) * part),
    long: rounded(from[1] + (to[1] - from[1]) * part),
    ts: new Date(Date.UTC(2026, 0, 1) + seq * REPORT_SECONDS * 1000).toISOString(),
    speed: kmh,
    heading: Math.round((Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI + 360) % 360,
    seq,
  };
}

function rounded(degrees: number): number {
  return Math.round(degrees * 1e5) / 1e5;
}

/** The ways in which {@link spoiled} knows how to be wrong. */
const SPOILS = 4;

function spoiled(report: GpsReport, how: number): string {
  if (how === 0) return JSON.stringify({ ...report, lat: report.lat + 200 });
  if (how === 1) return JSON.stringify({ ...report, long: undefined });
  if (how === 2) return JSON.stringify({ ...report, lat: 'north' });
  return JSON.stringify(report).slice(0, -9);
}
