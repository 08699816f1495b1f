import assert from 'node:assert/strict';
import { it } from 'node:test';
import { reportOf } from './fleet.ts';

it('drives the same way for the same seed, and every report fits its schema', () => {
  for (let truck = 0; truck < 20; truck++) {
    for (let seq = 1; seq < 500; seq += 7) {
      const report = reportOf(1, truck, seq);
      assert.deepEqual(report, reportOf(1, truck, seq));
      assert.ok(Math.abs(report.lat) <= 90 && Math.abs(report.long) <= 180, JSON.stringify(report));
      assert.ok(
        Number.isInteger(report.heading) && report.heading >= 0 && report.heading < 360,
        JSON.stringify(report),
      );
      assert.match(report.id, /^T\d{4}$/);
    }
  }
});

it('moves a truck between two reports by no more than it can drive', () => {
  for (let seq = 1; seq < 2000; seq++) {
    const [before, after] = [reportOf(2, 3, seq), reportOf(2, 3, seq + 1)];
    assert.ok(Math.hypot(after.lat - before.lat, after.long - before.long) < 0.05, `${seq}`);
  }
});
