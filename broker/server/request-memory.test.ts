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

describe('memory for requests', () => {
  it('pauses who goes past the limit, and resumes all when there is room', () => {
    const memory = new RequestMemory(100);
    const [a, b] = [new User(memory), new User(memory)];
    memory.take(a, 90);
    memory.take(b, 20);
    assert.deepEqual([a.isPaused, b.isPaused], [false, true]);
    memory.give(a, 90);
    assert.equal(b.isPaused, false);
  });

  it('lets the request nearest to its end go past the limit, so that one always gets done', () => {
    const memory = new RequestMemory(100);
    const [far, near] = [new User(memory, 80), new User(memory, 10)];
    memory.take(far, 60);
    memory.take(near, 60);
    assert.equal(near.isPaused, false, 'the one that went past is the nearest');
    memory.take(far, 1);
    assert.equal(far.isPaused, true);
    memory.take(near, 10);
    assert.equal(near.isPaused, false, 'the favoured goes on');
    near.missingBytes = 0;
    memory.completed(near);
    assert.equal(near.isPaused, true, 'its next request waits like the others');
    assert.equal(far.isPaused, false, 'the next is favoured');
  });

  it('never keeps a small request waiting, nor one that has given back what it held', () => {
    const memory = new RequestMemory(100);
    const [large, small] = [new User(memory, 80), new User(memory)];
    small.heldBytes = 1000;
    memory.take(large, 101);
    memory.take(small, 10);
    assert.equal(small.isPaused, false);
    small.heldBytes = 100_000;
    memory.take(small, 10);
    assert.equal(small.isPaused, true);
    small.heldBytes = 0;
    memory.give(small, 20);
    assert.equal(small.isPaused, false);
  });

  it('closes a favoured client that does not finish, and favours the next', async () => {
    const memory = new RequestMemory(100, 20);
    const [stuck, next] = [new User(memory, 5), new User(memory, 50)];
    memory.take(stuck, 101);
    memory.take(next, 10);
    assert.equal(next.isPaused, true);
    await delay(60);
    assert.equal(stuck.isClosed, true);
    assert.equal(next.isPaused, false);
  });

  it('counts what is taken and given', () => {
    const memory = new RequestMemory(100);
    const user = new User(memory);
    memory.take(user, 30);
    memory.take(user, 20);
    memory.give(user, 50);
    assert.equal(memory.usedBytes, 0);
  });
});
