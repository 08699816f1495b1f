/**
 * Records of a transaction that nobody will end: a power cut took its beginning, which waited for no disk, and left what it
 * had written. Every log is looked at once after the start; until then its last stable offset only stands still. What it is
 * not: it ends no transaction of a producer that the coordinator never knew, such as one of an imported log.
 */
import type { PartitionLog } from '../log/partition-log.ts';
import type { TransactionCoordinator } from './coordinator.ts';
import type { PartitionMarkers } from './marker-writer.ts';
import type { Logger } from './ports.ts';

interface OrphanSurroundings {
  readonly transactions: TransactionCoordinator;
  readonly markers: PartitionMarkers;
  readonly logger: Logger;
}

/** Aborts what is open in this log and held by no transaction. */
export function abortOrphans(log: PartitionLog, { transactions, markers, logger }: OrphanSurroundings): void {
  const { topic, partition, leaderEpoch: coordinatorEpoch } = log;
  for (const { producerId, producerEpoch, currentTransactionStartOffset } of log.producers()) {
    if (currentTransactionStartOffset < 0) continue;
    if (!transactions.isOrphan({ producerId, producerEpoch }, { topic, partition })) continue;
    const fields = { topic, partition, producerId, producerEpoch, firstOffset: currentTransactionStartOffset };
    logger.info(fields, 'A power cut left records of a transaction without its beginning; they are aborted.');
    // Version 1: the epoch is the one of the records.
    const marker = { producerId, producerEpoch, isCommit: false, coordinatorEpoch, transactionVersion: 0 } as const;
    markers.writeOne(marker, { topic, partition }, (error) => {
      if (error !== 'NONE') logger.warn({ ...fields, error }, 'They could not be aborted; the next start tries again.');
    });
  }
}
