/**
 * What a partition log is given: what it shares with the other logs of its data directory, and what opening its folder
 * found. Types only.
 */
import type { FileSystem } from '../fs/file-system.ts';
import type { ColdReads } from './cold-reads.ts';
import type { LogError } from './errors.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { ProducerState } from './producer-state.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Segments } from './segments.ts';
import type { TurnEnd } from './turn-end.ts';

/** What the data directory shares with all its logs. */
export interface LogSurroundings {
  readonly fs: FileSystem;
  readonly turnEnd: TurnEnd;
  readonly buffers: ReadBuffers;
  readonly coldReads: ColdReads;
  readonly now: () => number;
  /** False is Kafka's way: acks=all waits for the page cache only. */
  readonly flushDurable: boolean;
  /** The epoch of this start of the broker. */
  readonly leaderEpoch: number;
  readonly onFailed: (topic: string, partition: number, error: LogError) => void;
  /** Resolves when the new start is on the device; one write for all that move in a turn. */
  readonly onLogStartMoved: () => Promise<void>;
  /** A recovery point went down: it must be on the device before other records take the place of those cut off. */
  readonly onRecoveryPointLowered: () => void;
  /** Runs after a delay unless the process ends first; reports what it throws. */
  readonly removeLater: (delayMs: number, work: () => void) => void;
}

/** What opening a partition's folder found (open-partition.ts). */
export interface OpenedPartition {
  readonly folder: string;
  readonly segments: Segments;
  readonly producers: ProducerState;
  readonly epochs: LeaderEpochs;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly recoveryPoint: number;
  /** Folders whose entries are not known to be on the device: the partition's own and its parent. */
  readonly unsyncedFolders: readonly string[];
}
