/**
 * DescribeLogDirs (key 35): what the data directory holds and how much room is left. v4 sizes (KIP-827).
 */
import type { Topic } from '../metadata/topics.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeLogDirsRequest,
  decodeDescribeLogDirsRequest,
} from '../protocol/messages/generated/describe-log-dirs-request.ts';
import {
  type DescribeLogDirsPartition,
  type DescribeLogDirsTopic,
  encodeDescribeLogDirsResponse,
} from '../protocol/messages/generated/describe-log-dirs-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
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
    const { totalBytes, freeBytes } = broker.logs.space();
    const result = {
      errorCode: 0,
      logDir: broker.dataDir,
      topics: topicsAsked(broker, request),
      totalBytes,
      usableBytes: freeBytes,
    };
    return { errorCode: 0, results: [result] };
  },
});

/** A null list asks for everything; what does not exist is left out. A partition nobody has used takes no bytes. */
function topicsAsked(broker: BrokerState, { topics }: DescribeLogDirsRequest): Outgoing<DescribeLogDirsTopic>[] {
  const asked =
    topics === null
      ? [...broker.topics.all()].map((topic) => ({ topic, partitions: [...Array(topic.partitions).keys()] }))
      : topics.map(({ topic, partitions }) => ({ topic: broker.topics.get(topic), partitions }));
  return asked.flatMap(({ topic, partitions }) => {
    if (topic === undefined) return [];
    const known = partitions.filter((partition) => partition >= 0 && partition < topic.partitions);
    return [{ name: topic.name, partitions: known.map((partition) => sizeOf(broker, topic, partition)) }];
  });
}

function sizeOf(broker: BrokerState, topic: Topic, partition: number): Outgoing<DescribeLogDirsPartition> {
  const partitionSize = broker.topics.existingLog(topic, partition)?.sizeBytes ?? 0;
  return { partitionIndex: partition, partitionSize, offsetLag: 0 };
}
