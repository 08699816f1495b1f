import assert from 'node:assert/strict';
import { it } from 'node:test';
import { faults, reportedBy } from './fleet.ts';

it('works out what must have arrived: each report once, as a good one that fits its schema or as a bad one', () => {
  const rules = { seed: 1, trucks: 20, intervalMs: 20_000, startMs: Date.UTC(2026, 0, 1), faults };
  const { good, bad, last } = reportedBy(rules, 60);
  assert.equal(good.size + bad.size, 20 * 60);
  assert.ok(bad.size > 0 && bad.size < 200, String(bad.size));
  for (const [key, payload] of good) {
    const report = JSON.parse(payload) as { id: string; seq: number; lat: number; long: number };
    assert.equal(`${report.id}#${report.seq}`, key);
    assert.ok(Math.abs(report.lat) <= 90 && Math.abs(report.long) <= 180, payload);
  }
  for (const [id, { seq }] of last) assert.ok(!good.has(`${id}#${seq + 1}`));
});
