/**
 * The fleet is a plan: the same for everybody who works it out, and its judge finds every departure from it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveriesBetween, type Faults, type FleetRules, noFaults, payloadOf, reportOf, timeOf } from './fleet.ts';
import { distanceKm, positionAt, truckId } from './truck.ts';
import { FleetVerifier } from './verifier.ts';

const startMs = Date.UTC(2026, 0, 1);
const rulesOf = (faults: Partial<Faults> = {}, trucks = 40): FleetRules => ({
  seed: 7,
  trucks,
  intervalMs: 20_000,
  startMs,
  faults: { ...noFaults, ...faults },
});
const intervals = (count: number) => startMs + count * 20_000;

test('A truck moves along its route no faster than it says, and stands still at its stops', () => {
  let [driven, stood] = [0, 0];
  for (let truck = 0; truck < 24; truck++) {
    let before = positionAt(7, truck, startMs);
    for (let minute = 1; minute < 2000; minute++) {
      const now = positionAt(7, truck, startMs + minute * 60_000);
      const km = distanceKm([before.lat, before.long], [now.lat, now.long]);
      assert(km <= 90 / 60 + 0.01, `truck ${truck} made ${km} km in a minute`);
      assert(now.heading >= 0 && now.heading < 360);
      if (now.speed === 0) stood++;
      else driven++;
      before = now;
    }
  }
  assert(driven > 4 * stood && stood > 100);
});

test('Reports are a pure function of the rules', () => {
  const rules = rulesOf({ bad: 0.1, skew: 0.2 });
  assert.deepEqual(reportOf(rules, 3, 17), reportOf({ ...rules }, 3, 17));
  assert.notDeepEqual(reportOf(rules, 3, 17), reportOf({ ...rules, seed: 8 }, 3, 17));
  assert.deepEqual(Object.keys(reportOf(rules, 0, 1)), ['id', 'seq', 'ts', 'lat', 'long', 'speed', 'heading']);
});

test('Trucks spread their reports over the interval', () => {
  const rules = rulesOf({}, 1000);
  const perSecond = new Array<number>(20).fill(0);
  for (let truck = 0; truck < 1000; truck++) perSecond[Math.floor((timeOf(rules, truck, 1) - startMs) / 1000)]!++;
  assert(Math.min(...perSecond) > 20 && Math.max(...perSecond) < 90, perSecond.join(' '));
});

test('Windows of any length give the same deliveries, faults included', () => {
  const rules = rulesOf({ tunnel: 0.2, duplicate: 0.1, late: 0.2 });
  const whole = deliveriesBetween(rules, startMs, intervals(30));
  const parts = [];
  let fromMs = startMs;
  for (let step = 1; fromMs < intervals(30); step = (step * 7919) % 60_000) {
    const untilMs = Math.min(fromMs + step + 1, intervals(30));
    parts.push(...deliveriesBetween(rules, fromMs, untilMs));
    fromMs = untilMs;
  }
  assert.deepEqual(parts, whole);
});

test('Without faults every report arrives once, in order, and nothing is found', () => {
  const rules = rulesOf();
  const judge = new FleetVerifier();
  for (const { truck, seq } of deliveriesBetween(rules, startMs, intervals(100))) {
    judge.addPayload(payloadOf(rules, truck, seq).text);
  }
  const verdict = judge.verdict({ ids: Array.from({ length: 40 }, (_, truck) => truckId(truck)) });
  assert.deepEqual(
    { ...verdict, faulty: verdict.faulty.length },
    { trucks: 40, reports: 4000, missing: 0, duplicates: 0, outOfOrder: 0, unreadable: 0, faulty: 0 },
  );
});

test('Every fault is there, and no report is lost by one', () => {
  const rules = rulesOf({ tunnel: 0.1, duplicate: 0.05, late: 0.05, bad: 0.05, skew: 0.2, newFieldAt: 50 });
  const judge = new FleetVerifier();
  const deliveries = deliveriesBetween(rules, startMs, intervals(120), undefined, 100);
  let [bad, broken, fuelled] = [0, 0, 0];
  for (const { truck, seq } of deliveries) {
    const { text, isBad } = payloadOf(rules, truck, seq);
    judge.addPayload(text);
    if (isBad) bad++;
    if (text.includes('"fuel"')) fuelled++;
    try {
      JSON.parse(text);
    } catch {
      broken++;
    }
  }
  const verdict = judge.verdict({ last: 100 });
  assert.equal(verdict.reports, 4000);
  assert.equal(verdict.missing, 0);
  assert.equal(verdict.unreadable, 0);
  assert(verdict.duplicates > 100 && verdict.outOfOrder > 100, JSON.stringify(verdict, null, 1).slice(0, 200));
  assert(bad > 100 && broken > 50 && broken < bad && fuelled > 1500);
  const late = deliveries.filter(({ truck, seq, atMs }) => atMs - timeOf(rules, truck, seq) >= 3 * rules.intervalMs);
  assert(late.length > 50, 'tunnels and late ones');
});

test('The judge finds every gap, duplicate and disorder that is planted', () => {
  const judge = new FleetVerifier();
  for (const seq of [1, 2, 3, 6, 5, 8, 8, 2]) judge.add('T0001', seq);
  judge.addPayload('{"id":"T0002","seq":1');
  judge.addPayload('noise');
  const verdict = judge.verdict({ ids: ['T0001', 'T0002', 'T0003'], last: 10 });
  assert.deepEqual(verdict.faulty, [
    {
      id: 'T0001',
      reports: 6,
      last: 8,
      missing: [
        { from: 4, to: 4 },
        { from: 7, to: 7 },
        { from: 9, to: 10 },
      ],
      duplicates: 2,
      outOfOrder: 1,
    },
    { id: 'T0002', reports: 1, last: 1, missing: [{ from: 2, to: 10 }], duplicates: 0, outOfOrder: 0 },
    { id: 'T0003', reports: 0, last: 0, missing: [{ from: 1, to: 10 }], duplicates: 0, outOfOrder: 0 },
  ]);
  assert.deepEqual([verdict.missing, verdict.duplicates, verdict.outOfOrder, verdict.unreadable], [23, 2, 1, 1]);
});
