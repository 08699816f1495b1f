/**
 * WriteTxnMarkers (key 27): the end of a transaction, written into partitions. Between brokers in Kafka; here only for
 * tools that end a transaction that hangs (`kafka-transactions.sh abort`). v2 says which transaction version it ends.
 */
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import {
  decodeWriteTxnMarkersRequest,
  type WritableTxnMarker,
} from '../protocol/messages/generated/write-txn-markers-request.ts';
import { encodeWriteTxnMarkersResponse } from '../protocol/messages/generated/write-txn-markers-response.ts';
import { ConnectionRefused, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import type { Marker } from '../transactions/types.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const writeTxnMarkers = defineApi({
  decode: decodeWriteTxnMarkersRequest,
  encode: encodeWriteTxnMarkersResponse,
  async handle(request, call, broker) {
    // Kafka closes the connection of whoever may not: the message has no place for the error but the partitions.
    const mayWrite = isAllowedOnCluster(broker, call, 'alter') || isAllowedOnCluster(broker, call, 'clusterAction');
    if (!mayWrite) throw new ConnectionRefused(`${call.session.principal.text} may not write transaction markers`);
    return { markers: await Promise.all(request.markers.map((marker) => writeOne(broker, marker))) };
  },
});

async function writeOne(broker: BrokerState, asked: WritableTxnMarker) {
  const marker: Marker = {
    producerId: asked.producerId,
    producerEpoch: asked.producerEpoch,
    isCommit: asked.transactionResult,
    coordinatorEpoch: asked.coordinatorEpoch,
    transactionVersion: asked.transactionVersion >= 2 ? 2 : 0,
  };
  const write = (topic: string, partition: number): Promise<ErrorName> =>
    new Promise((resolve) => broker.markers.writeOne(marker, { topic, partition }, resolve));
  const topics = await Promise.all(
    asked.topics.map(async ({ name, partitionIndexes }) => ({
      name,
      partitions: await Promise.all(
        partitionIndexes.map(async (partitionIndex) => ({
          partitionIndex,
          errorCode: ErrorCode[await write(name, partitionIndex)],
        })),
      ),
    })),
  );
  return { producerId: asked.producerId, topics };
}
