/** Waits for what other people's clients do in their own time. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** A group join with its rebalance takes a few seconds in some clients. */
const deadlineMs = 60_000;

export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await isTrue())) {
    assert.ok(Date.now() < deadline, `Not within ${deadlineMs} ms: ${what}.`);
    await sleep(20);
  }
}
