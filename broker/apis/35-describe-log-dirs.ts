/**
 * DescribeLogDirs (key 35): what the data directory holds and how much room is left. v4 sizes (KIP-827).
 */
import type { PartitionLog } from '../log/partition-log.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeLogDirsRequest,
  decodeDescribeLogDirsRequest,
} from '../protocol/messages/generated/describe-log-dirs-request.ts';
import { encodeDescribeLogDirsResponse } from '../protocol/messages/generated/describe-log-dirs-response.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const describeLogDirs = defineApi({
  decode: decodeDescribeLogDirsRequest,
  encode: encodeDescribeLogDirsResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'describe')) {
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, results: [] };
    }
    const topics = new Map<string, PartitionLog[]>();
    for (const log of logsAsked(broker, request)) topics.set(log.topic, [...(topics.get(log.topic) ?? []), log]);
    const { totalBytes, freeBytes } = broker.logs.space();
    const result = {
      errorCode: 0,
      logDir: broker.dataDir,
      topics: [...topics].map(([name, logs]) => ({
        name,
        partitions: logs.map((log) => ({ partitionIndex: log.partition, partitionSize: log.sizeBytes, offsetLag: 0 })),
      })),
      totalBytes,
      usableBytes: freeBytes,
    };
    return { errorCode: 0, results: [result] };
  },
});

/** A null list asks for everything; unknown partitions are left out. */
function logsAsked(broker: BrokerState, request: DescribeLogDirsRequest): PartitionLog[] {
  if (request.topics === null) return [...broker.logs.logs.values()];
  return request.topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => broker.logs.get(topic, partition)).filter((log) => log !== undefined),
  );
}
