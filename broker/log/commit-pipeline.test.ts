import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CommitPipeline, type CommitStorage } from './commit-pipeline.ts';
import { TurnEnd } from './turn-end.ts';

/** Writes at once, and syncs when the test says so. */
class Storage implements CommitStorage {
  stagedEnd = 0;
  writtenEndOffset = 0;
  /** The end of the log at each sync that began. */
  readonly syncs: number[] = [];
  syncDone: ((error: Error | null) => void) | null = null;

  writeStaged(): void {
    this.writtenEndOffset = this.stagedEnd;
  }
  discardStaged(): void {
    this.stagedEnd = this.writtenEndOffset;
  }
  syncDirty(done: (error: Error | null) => void): void {
    this.syncs.push(this.writtenEndOffset);
    this.syncDone = done;
  }
  onHighWatermark(): void {}
  onFailed(): void {}
}

function pipeline() {
  const storage = new Storage();
  const commits = new CommitPipeline('t-0', storage, new TurnEnd());
  const answered: number[] = [];
  const append = (): void => {
    const base = storage.stagedEnd++;
    commits.add(base, base + 1, true, (error) => {
      assert.equal(error, null);
      answered.push(base);
    });
  };
  return { storage, commits, answered, append };
}

describe('the commit pipeline', () => {
  it('syncs once for what waited and for what arrives in the turn in which the device answers', async () => {
    const { storage, commits, answered, append } = pipeline();
    append();
    await turn();
    append();
    await turn();
    assert.deepEqual(storage.syncs, [1], 'the second waits for the first sync');
    append();
    storage.syncDone!(null);
    assert.deepEqual(answered, [0]);
    await turn();
    assert.deepEqual(storage.syncs, [1, 3]);
    assert.equal(commits.highWatermark, 1);
    storage.syncDone!(null);
    assert.deepEqual(answered, [0, 1, 2]);
    assert.equal(commits.durableOffset, 3);
    await turn();
    assert.deepEqual(storage.syncs, [1, 3], 'nothing is synced for nobody');
  });

  it('refuses whoever waits when the device fails, and does not ask it again', async () => {
    const { storage, commits } = pipeline();
    const errors: string[] = [];
    const append = (): void => {
      const base = storage.stagedEnd++;
      commits.add(base, base + 1, true, (error) => errors.push(error?.code ?? 'none'));
    };
    append();
    await turn();
    append();
    await turn();
    append();
    storage.syncDone!(new Error('EIO'));
    await turn();
    assert.deepEqual(errors, ['KAFKA_STORAGE_ERROR', 'KAFKA_STORAGE_ERROR', 'KAFKA_STORAGE_ERROR']);
    assert.deepEqual(storage.syncs, [1]);
  });
});
