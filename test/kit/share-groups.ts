/**
 * A share-partition without time or disk: the clock moves when the test says so, state records are kept in a list and
 * become durable at once, later or never.
 */

import type { ErrorName } from '../../broker/protocol/error-codes.ts';
import type { ShareStateLog } from '../../broker/share/ports.ts';
import { SharePartition } from '../../broker/share/share-partition.ts';
import { decodeState, type StateRecord } from '../../broker/share/state-records.ts';
import type { ShareGroupSettings, SharePartitionKey } from '../../broker/share/types.ts';
import { SimulatedTimers } from './groups.ts';

export class SimulatedStateLog implements ShareStateLog {
  readonly records: StateRecord[] = [];
  /** What the next writes end with. */
  error: ErrorName | null = null;
  /** While true, writes wait for `settle`. */
  isHeld = false;
  /** Called when a write begins, and answers what to call when it has ended. */
  onWrite: () => (error: ErrorName | null) => void = () => () => {};
  #held: (() => void)[] = [];

  append(_key: SharePartitionKey, record: StateRecord, done: (error: ErrorName | null, offset: number) => void): void {
    const ended = this.onWrite();
    const finish = (): void => {
      const { error } = this;
      if (error === null) this.records.push(record);
      ended(error);
      done(error, error === null ? this.records.length - 1 : -1);
    };
    if (this.isHeld) this.#held.push(finish);
    else finish();
  }

  settle(): void {
    for (const finish of this.#held.splice(0)) finish();
  }
}

export const shareDefaults: ShareGroupSettings = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5000,
  recordLockDurationMs: 30_000,
  deliveryCountLimit: 5,
  partitionMaxRecordLocks: 2000,
  autoOffsetReset: 'earliest',
  isolation: 'read_uncommitted',
  isRenewEnabled: true,
};

export interface SharePartitionFixture {
  readonly partition: SharePartition;
  readonly timers: SimulatedTimers;
  readonly log: SimulatedStateLog;
  /** A partition that replays what this one has written. */
  restarted(): SharePartitionFixture;
}

export function sharePartitionFixture(
  settings: Partial<ShareGroupSettings> = {},
  {
    records = [],
    updatesPerSnapshot = 500,
  }: { readonly records?: readonly StateRecord[]; readonly updatesPerSnapshot?: number } = {},
): SharePartitionFixture {
  const timers = new SimulatedTimers();
  const log = new SimulatedStateLog();
  const key = { group: 'workers', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 0 };
  const partition = new SharePartition(key, {
    log,
    timers,
    settingsOf: () => ({ ...shareDefaults, ...settings }),
    updatesPerSnapshot,
    leaderEpoch: 1,
    onLocked: () => {},
  });
  records.forEach((record, offset) => {
    const decoded = decodeState(record.key, record.value);
    if (decoded !== null) partition.replay(decoded, offset);
  });
  log.records.push(...records);
  return {
    partition,
    timers,
    log,
    restarted: () => sharePartitionFixture(settings, { records: log.records, updatesPerSnapshot }),
  };
}
