/**
 * Control records: the markers a transaction coordinator writes into the log (KIP-98). They take an offset each and
 * clients skip them.
 *
 *     key:   version int16 | type int16 (0 abort, 1 commit)
 *     value: version int16 | coordinatorEpoch int32
 */
import { BatchBuilder, readRecords } from './records.ts';

export type ControlType = 'abort' | 'commit';

export interface TransactionMarker {
  readonly type: ControlType;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly timestamp: number;
}

/** A batch of one marker, ready to append. */
export function encodeMarker(marker: TransactionMarker): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt16BE(marker.type === 'commit' ? 1 : 0, 2);
  const value = Buffer.alloc(6);
  value.writeInt32BE(marker.coordinatorEpoch, 2);
  const builder = new BatchBuilder();
  builder.append(marker.timestamp, key, value, []);
  const { producerId, producerEpoch } = marker;
  return builder.build({ producerId, producerEpoch, isTransactional: true, isControl: true });
}

/** What a marker's key and value take at least; later versions may add to them. */
const keyBytesMin = 4;
const valueBytesMin = 6;

/** The type and epoch of the marker in a control batch at `start`; null for control types of the future. */
export function readMarker(batch: Buffer, start = 0): { type: ControlType; coordinatorEpoch: number } | null {
  const [record] = readRecords(batch, start);
  if (record?.key == null || record.value === null) return null;
  const { key, value } = record;
  if (key.length < keyBytesMin || value.length < valueBytesMin) return null;
  const type = key.readInt16BE(2);
  if (type !== 0 && type !== 1) return null;
  return { type: type === 1 ? 'commit' : 'abort', coordinatorEpoch: value.readInt32BE(2) };
}
