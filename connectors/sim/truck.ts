/**
 * One truck: where it is at a moment, as a pure function of seed, number and time. Whoever checks a topic, a table or a
 * file can work out what must stand there.
 */
import { chanceOf, pickOf } from './chance.ts';
import { type Point, routes } from './routes.ts';

export interface Position {
  readonly lat: number;
  readonly long: number;
  /** Kilometres per hour; 0 while it stands at a stop. */
  readonly speed: number;
  /** Degrees from north, clockwise. */
  readonly heading: number;
}

const EARTH_RADIUS_KM = 6371;
const STOP_MINUTES = { least: 5, more: 25 };
const SPEED_KMH = { least: 55, more: 35 };
const HOUR_MS = 3_600_000;

/** `T0001` for the first. */
export function truckId(truck: number): string {
  return `T${String(truck + 1).padStart(4, '0')}`;
}

/** A drive from one point to the next, then a stop there; times from the beginning of the round trip. */
interface Leg {
  readonly from: Point;
  readonly to: Point;
  readonly beginMs: number;
  readonly arriveMs: number;
  readonly endMs: number;
}

interface RoundTrip {
  readonly legs: readonly Leg[];
  readonly durationMs: number;
  /** Where in the round trip it is at time 0, so that trucks of a route are spread over it. */
  readonly headStartMs: number;
  readonly kmh: number;
}

const trips = new Map<string, RoundTrip>();
/** Round trips that are kept; more than that are worked out again when they are asked for. */
const TRIPS_MAX = 50_000;

/** Where a truck is. `timeMs` is time in the simulated world, milliseconds since the epoch. */
export function positionAt(seed: number, truck: number, timeMs: number): Position {
  const { legs, durationMs, headStartMs, kmh } = tripOf(seed, truck);
  const at = (((timeMs + headStartMs) % durationMs) + durationMs) % durationMs;
  const leg = legAt(legs, at);
  const isDriving = at < leg.arriveMs;
  const part = isDriving ? (at - leg.beginMs) / (leg.arriveMs - leg.beginMs) : 1;
  return {
    lat: rounded(leg.from[0] + (leg.to[0] - leg.from[0]) * part),
    long: rounded(leg.from[1] + (leg.to[1] - leg.from[1]) * part),
    speed: isDriving ? kmh : 0,
    heading: headingOf(leg.from, leg.to),
  };
}

function tripOf(seed: number, truck: number): RoundTrip {
  const key = `${seed}/${truck}`;
  let trip = trips.get(key);
  if (trip === undefined) {
    if (trips.size >= TRIPS_MAX) trips.clear();
    trip = planTrip(seed, truck);
    trips.set(key, trip);
  }
  return trip;
}

/** There and back again, each leg at the truck's own speed, with a stop at each point. */
function planTrip(seed: number, truck: number): RoundTrip {
  const route = routes[truck % routes.length]!;
  const points = [...route, ...route.slice(0, -1).reverse()];
  const kmh = SPEED_KMH.least + pickOf(SPEED_KMH.more, seed, truck, 'speed');
  const legs: Leg[] = [];
  let beginMs = 0;
  for (let i = 0; i + 1 < points.length; i++) {
    const [from, to] = [points[i]!, points[i + 1]!];
    const arriveMs = beginMs + (distanceKm(from, to) / kmh) * HOUR_MS;
    const stopMinutes = STOP_MINUTES.least + pickOf(STOP_MINUTES.more, seed, truck, 'stop', i);
    const endMs = arriveMs + stopMinutes * 60_000;
    legs.push({ from, to, beginMs, arriveMs, endMs });
    beginMs = endMs;
  }
  return { legs, durationMs: beginMs, headStartMs: chanceOf(seed, truck, 'head start') * beginMs, kmh };
}

function legAt(legs: readonly Leg[], at: number): Leg {
  return legs.find((leg) => at < leg.endMs) ?? legs.at(-1)!;
}

/** The haversine formula. */
export function distanceKm([latA, longA]: Point, [latB, longB]: Point): number {
  const [a, b, over] = [latA, latB, longB - longA].map((degrees) => (degrees * Math.PI) / 180) as [
    number,
    number,
    number,
  ];
  const h = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(over / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(h));
}

function headingOf(from: Point, to: Point): number {
  const east = (to[1] - from[1]) * Math.cos((from[0] * Math.PI) / 180);
  const degrees = (Math.atan2(east, to[0] - from[0]) * 180) / Math.PI;
  return Math.round(degrees + 360) % 360;
}

function rounded(degrees: number): number {
  return Math.round(degrees * 1e5) / 1e5;
}
