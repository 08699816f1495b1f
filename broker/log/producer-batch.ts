/**
 * From a batch's bytes to what the producer state asks of it.
 */

import { readMarker } from '../protocol/control-record.ts';
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import type { ProducerBatch, TransactionMarker } from './producer-state.ts';

/**
 * What of a whole batch concerns its producer, or null when it has none, or is a control batch that ends no transaction
 * (one that the cleaner emptied: what it ended is gone too).
 */
export function describeProducer(batch: Buffer, baseOffset: number, lastOffset: number): ProducerBatch | null {
  const producerId = batches.producerId(batch);
  if (producerId < 0) return null;
  const marker = batches.isControl(batch) ? markerOf(batch) : null;
  if (batches.isControl(batch) && marker === null) return null;
  return {
    producerId,
    producerEpoch: batches.producerEpoch(batch),
    baseSequence: batches.baseSequence(batch),
    baseOffset,
    lastOffset,
    maxTimestamp: batches.maxTimestamp(batch),
    isTransactional: batches.isTransactional(batch),
    marker,
  };
}

/** Null for control records that end no transaction, and for bytes that are none although their checksum is right. */
function markerOf(batch: Buffer): TransactionMarker | null {
  try {
    const marker = readMarker(batch);
    return marker === null ? null : { isCommit: marker.type === 'commit', coordinatorEpoch: marker.coordinatorEpoch };
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof RangeError) return null;
    throw error;
  }
}
