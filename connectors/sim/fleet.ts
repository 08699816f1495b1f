/**
 * A fleet: what every truck reports, and when each report arrives, faults included. Pure: a plan that any two programs
 * work out alike, from the rules alone.
 *
 * Each truck reports every `intervalMs`, at a phase of its own, and counts its reports from 1 (`seq`), bad ones
 * included: what is missing shows.
 */
import { chanceOf, pickOf } from './chance.ts';
import { positionAt, truckId } from './truck.ts';

/** How often what goes wrong, each from 0 (never) to 1. */
export interface Faults {
  /** A truck drives into a tunnel: its reports of the next intervals arrive together at the end. */
  readonly tunnel: number;
  /** A report arrives twice. */
  readonly duplicate: number;
  /** A report arrives up to three intervals late, behind later ones. */
  readonly late: number;
  /** A report is no JSON, or not what its schema says. */
  readonly bad: number;
  /** The share of trucks whose clock is wrong, by up to two minutes. */
  readonly skew: number;
  /** From this report number on there is a new field, `fuel`; 0 is never. */
  readonly newFieldAt: number;
}

export interface FleetRules {
  readonly seed: number;
  readonly trucks: number;
  readonly intervalMs: number;
  /** When the simulated world begins, milliseconds since the epoch. */
  readonly startMs: number;
  readonly faults: Faults;
}

/** What a truck says. */
export interface GpsReport {
  readonly id: string;
  readonly seq: number;
  readonly ts: string;
  readonly lat: number;
  readonly long: number;
  readonly speed: number;
  readonly heading: number;
  readonly fuel?: number;
}

/** A report on its way. */
export interface Delivery {
  readonly truck: number;
  readonly seq: number;
  /** 0, and 1 for the second of a duplicate. */
  readonly copy: number;
  /** When it arrives, in the simulated world. */
  readonly atMs: number;
}

export const noFaults: Faults = { tunnel: 0, duplicate: 0, late: 0, bad: 0, skew: 0, newFieldAt: 0 };

const TUNNEL_INTERVALS = 5;
const LATE_INTERVALS_MAX = 3;
const SKEW_MS_MAX = 120_000;

/** When a truck makes its report number `seq`. */
export function timeOf({ seed, intervalMs, startMs }: FleetRules, truck: number, seq: number): number {
  return startMs + pickOf(intervalMs, seed, truck, 'phase') + (seq - 1) * intervalMs;
}

/** The report as the truck made it, before anything spoils it. */
export function reportOf(rules: FleetRules, truck: number, seq: number): GpsReport {
  const { seed, faults } = rules;
  const timeMs = timeOf(rules, truck, seq);
  const isSkewed = chanceOf(seed, truck, 'skewed') < faults.skew;
  const skewMs = isSkewed ? pickOf(2 * SKEW_MS_MAX, seed, truck, 'skew') - SKEW_MS_MAX : 0;
  const { lat, long, speed, heading } = positionAt(seed, truck, timeMs);
  const report = { id: truckId(truck), seq, ts: new Date(timeMs + skewMs).toISOString(), lat, long, speed, heading };
  const hasFuel = faults.newFieldAt > 0 && seq >= faults.newFieldAt;
  return hasFuel ? { ...report, fuel: 100 - pickOf(95, seed, truck, seq, 'fuel') } : report;
}

/** What arrives: the report as JSON text, or what a fault made of it. Truck and number can be told even then. */
export function payloadOf(
  rules: FleetRules,
  truck: number,
  seq: number,
): { readonly text: string; readonly isBad: boolean } {
  const report = reportOf(rules, truck, seq);
  const isBad = chanceOf(rules.seed, truck, seq, 'bad') < rules.faults.bad;
  if (!isBad) return { text: JSON.stringify(report), isBad };
  return { text: spoiled(report, pickOf(4, rules.seed, truck, seq, 'how bad')), isBad };
}

function spoiled(report: GpsReport, how: number): string {
  if (how === 0) return JSON.stringify({ ...report, lat: report.lat + 200 });
  if (how === 1) return JSON.stringify({ ...report, long: undefined });
  if (how === 2) return JSON.stringify(report).replace(/"speed":[\d.]+/, '"speed":NaN');
  return JSON.stringify(report).slice(0, -9);
}

/** What arrives in the simulated time from `fromMs` up to, not including, `untilMs`, in the order of arrival. */
export function deliveriesBetween(
  rules: FleetRules,
  fromMs: number,
  untilMs: number,
  isOurs: (truck: number) => boolean = () => true,
  reportsMax = Number.POSITIVE_INFINITY,
): Delivery[] {
  const due: Delivery[] = [];
  for (let truck = 0; truck < rules.trucks; truck++) {
    if (!isOurs(truck)) continue;
    const firstMs = timeOf(rules, truck, 1);
    const first = Math.floor((fromMs - firstMs) / rules.intervalMs) + 1 - delayIntervalsMax(rules.faults);
    const last = Math.ceil((untilMs - firstMs) / rules.intervalMs);
    for (let seq = Math.max(1, first); seq <= Math.min(last, reportsMax); seq++) {
      for (const delivery of deliveriesOf(rules, truck, seq)) {
        if (delivery.atMs >= fromMs && delivery.atMs < untilMs) due.push(delivery);
      }
    }
  }
  return due.sort(inOrder);
}

/** The order of arrival, of one moment by truck and number: two programs agree on it. */
export function inOrder(a: Delivery, b: Delivery): number {
  return a.atMs - b.atMs || a.truck - b.truck || a.seq - b.seq || a.copy - b.copy;
}

/** A report arrives at most so many intervals after it was made. */
function delayIntervalsMax({ tunnel, late }: Faults): number {
  return (tunnel > 0 ? TUNNEL_INTERVALS : 0) + (late > 0 ? LATE_INTERVALS_MAX : 0);
}

/** How one report arrives: once, late, out of a tunnel, twice. */
function deliveriesOf(rules: FleetRules, truck: number, seq: number): Delivery[] {
  const { seed, intervalMs, faults } = rules;
  const madeMs = timeOf(rules, truck, seq);
  const isLate = chanceOf(seed, truck, seq, 'late') < faults.late;
  const delay = isLate ? 1 + pickOf(LATE_INTERVALS_MAX, seed, truck, seq, 'how late') : 0;
  const atMs = outOfTunnel(rules, truck, seq, madeMs) + delay * intervalMs;
  const once = { truck, seq, copy: 0, atMs };
  const isDoubled = chanceOf(seed, truck, seq, 'duplicate') < faults.duplicate;
  return isDoubled ? [once, { ...once, copy: 1 }] : [once];
}

/** Tunnels have fixed places in a truck's count, so that each report knows by itself whether it is in one. */
function outOfTunnel(
  { seed, intervalMs, faults, ...rules }: FleetRules,
  truck: number,
  seq: number,
  madeMs: number,
): number {
  const block = Math.floor((seq - 1) / TUNNEL_INTERVALS);
  if (chanceOf(seed, truck, block, 'tunnel') >= faults.tunnel) return madeMs;
  const lastOfBlock = (block + 1) * TUNNEL_INTERVALS;
  return timeOf({ seed, intervalMs, faults, ...rules }, truck, lastOfBlock);
}
