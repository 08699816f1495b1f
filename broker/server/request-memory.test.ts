import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type MemoryUser, RequestMemory } from './request-memory.ts';

class User implements MemoryUser {
  missingBytes = 0;
  heldBytes = 1_000_000;
  isPaused = false;
  isClosed = false;
  readonly #memory: RequestMemory;

  constructor(memory: RequestMemory, missingBytes = 0) {
    this.#memory = memory;
    this.missingBytes = missingBytes;
  }
  pauseForMemory(): void {
    this.isPaused = true;
  }
  resumeForMemory(): void {
    this.isPaused = false;
  }
  closeForMemory(): void {
    this.isClosed = true;
    this.#memory.forget(this);
  }
}

const mib = 1024 * 1024;

function memoryOf(limitBytes: number, more: { silenceMsMax?: number; lookMs?: number } = {}): RequestMemory {
  return new RequestMemory({ limitBytes, requestMaxBytes: 100 * mib, lookMs: 20, ...more });
}

describe('memory for requests', () => {
  it('pauses who goes past the limit and has all it was sent for, and resumes all when there is room', () => {
    const memory = memoryOf(100);
    const [a, b] = [new User(memory), new User(memory)];
    take(memory, a, 90);
    take(memory, b, 20);
    assert.deepEqual([a.isPaused, b.isPaused], [false, true]);
    memory.give(a, 90);
    assert.equal(b.isPaused, false);
  });

  it('lets one large request past the limit, and beside it all that are nearly there', () => {
    const memory = memoryOf(100);
    const [large, other, little] = [new User(memory, 80 * mib), new User(memory, 50 * mib), new User(memory, mib)];
    take(memory, large, 101);
    take(memory, other, 10);
    take(memory, little, 10);
    assert.deepEqual([large.isPaused, other.isPaused, little.isPaused], [false, true, false]);
    large.missingBytes = 0;
    memory.completed(large);
    assert.equal(large.isPaused, true, 'its next request waits like the others');
    assert.equal(other.isPaused, false, 'the next is let through');
  });

  it('lets no more past the limit than the reserve and one request', () => {
    const memory = memoryOf(100);
    const users = Array.from({ length: 100 }, () => new User(memory, 2 * mib));
    for (const user of users) take(memory, user, 101);
    const passing = users.filter(({ isPaused }) => !isPaused);
    assert.ok(passing.length >= 60 && passing.length * 2 * mib <= 132 * mib, `${passing.length} are let through`);
  });

  it('never keeps a small request waiting, nor one that has given back what it held', () => {
    const memory = memoryOf(100);
    const [large, small] = [new User(memory, 80 * mib), new User(memory)];
    small.heldBytes = 1000;
    take(memory, large, 101);
    take(memory, small, 10);
    assert.equal(small.isPaused, false);
    small.heldBytes = 100_000;
    take(memory, small, 10);
    assert.equal(small.isPaused, true);
    small.heldBytes = 0;
    memory.give(small, 20);
    assert.equal(small.isPaused, false);
  });

  it('gives the place of one that sends nothing to the next, and it another chance after that', async () => {
    const memory = memoryOf(100);
    const [stuck, next] = [new User(memory, 50 * mib), new User(memory, 60 * mib)];
    take(memory, stuck, 101);
    take(memory, next, 10);
    assert.deepEqual([stuck.isPaused, next.isPaused], [false, true]);
    await until(() => stuck.isPaused && !next.isPaused);
    next.missingBytes = 0;
    memory.completed(next);
    assert.equal(stuck.isPaused, false);
    assert.equal(stuck.isClosed, false);
  });

  it('closes those that stay silent, let through or from before memory was short', async () => {
    const memory = memoryOf(100, { silenceMsMax: 60 });
    const [before, stuck] = [new User(memory, 5), new User(memory, 50 * mib)];
    take(memory, before, 90);
    take(memory, stuck, 20);
    const busy = new User(memory, mib);
    take(memory, busy, 10);
    await until(() => {
      // It sends on and on.
      busy.missingBytes--;
      return before.isClosed && stuck.isClosed;
    });
    assert.equal(busy.isClosed, false);
    assert.equal(busy.isPaused, false);
  });

  it('closes the greatest of the silent at once when nobody gets on', async () => {
    const memory = memoryOf(100);
    const stuck = new User(memory, 90 * mib);
    take(memory, stuck, 101);
    take(memory, stuck, 140 * mib);
    const good = new User(memory, mib);
    take(memory, good, 10);
    assert.equal(good.isPaused, true, 'all there is beyond the limit is taken');
    await until(() => stuck.isClosed);
    memory.give(stuck, 101 + 140 * mib);
    assert.equal(good.isPaused, false);
  });

  it('counts what is taken and given', () => {
    const memory = memoryOf(100);
    const user = new User(memory);
    take(memory, user, 30);
    take(memory, user, 20);
    memory.give(user, 50);
    assert.equal(memory.usedBytes, 0);
  });
});

function take(memory: RequestMemory, user: User, bytes: number): void {
  memory.take(bytes);
  memory.taken(user);
}

/** Waits for the memory's own clock. */
async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!isSo()) {
    assert.ok(Date.now() < deadline, 'it did not happen');
    await delay(5);
  }
}
