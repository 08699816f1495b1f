/**
 * What a partition log is given: what it shares with the other logs of its data directory, what is known of it before
 * its files are opened, and what opening them found. Types only.
 */
import type { FileSystem } from '../fs/file-system.ts';
import type { ColdReads } from './cold-reads.ts';
import type { LogConfig } from './config.ts';
import type { LogError } from './errors.ts';
import type { FolderSyncs } from './folder-syncs.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { ProducerState } from './producer-state.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Segments } from './segments.ts';
import type { TurnEnd } from './turn-end.ts';

/** What the data directory shares with all its logs. */
export interface LogSurroundings {
  readonly fs: FileSystem;
  readonly turnEnd: TurnEnd;
  readonly folderSyncs: FolderSyncs;
  readonly buffers: ReadBuffers;
  readonly coldReads: ColdReads;
  readonly now: () => number;
  /** False is Kafka's way: acks=all waits for the page cache only. */
  readonly flushDurable: boolean;
  /** The epoch of this start of the broker. */
  readonly leaderEpoch: number;
  /** Loads or recovers the files of a partition, and reports what recovery cut. Throws the disk's errors. */
  readonly openFiles: (
    log: PartitionIdentity & { topicId: string },
    files: PartitionFiles,
    config: LogConfig,
  ) => OpenedPartition;
  readonly configOf: (topic: string, topicId: string) => LogConfig;
  /** So many bytes of records more are in the files. */
  readonly onWritten: (bytes: number) => void;
  readonly onFailed: (topic: string, partition: number, error: LogError) => void;
  /** Resolves when the new start is on the device; one write for all that move in a turn. */
  readonly onLogStartMoved: () => Promise<void>;
  /** A recovery point went down: it must be on the device before other records take the place of those cut off. */
  readonly onRecoveryPointLowered: () => void;
  /** Runs after a delay unless the process ends first; reports what it throws. */
  readonly removeLater: (delayMs: number, work: () => void) => void;
}

export interface PartitionIdentity {
  readonly topic: string;
  readonly partition: number;
  readonly folder: string;
}

/** What is known of a partition before its files are opened: from the checkpoints, or from when it was open last. */
export interface PartitionFiles {
  /** Nothing was ever written; there is no folder yet. */
  readonly isNew: boolean;
  /** Nothing was written behind the recovery point: the broker, or the log alone, was stopped in good order. */
  readonly isClean: boolean;
  /** 0 when nothing is known. */
  readonly recoveryPoint: number;
  /** At least; the first segment may begin later. */
  readonly logStartOffset: number;
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
  /** Up to here everything is known to be on the device. */
  readonly durableOffset: number;
  readonly hasSnapshots: boolean;
  /** Folders whose entries are not known to be on the device. */
  readonly unsyncedFolders: readonly string[];
  /** Makes the folder, before the first write; null where it is there. May be called again after a throw. */
  readonly makeFolder: (() => void) | null;
}
