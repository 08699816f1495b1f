/**
 * OffsetDelete (key 47): a group forgets single offsets, unless it is subscribed to their topics (KIP-496).
 */
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import { decodeOffsetDeleteRequest } from '../protocol/messages/generated/offset-delete-request.ts';
import { encodeOffsetDeleteResponse } from '../protocol/messages/generated/offset-delete-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';

interface Outcome {
  readonly error: ErrorName;
  readonly results: readonly ErrorName[];
}

export const offsetDelete = defineApi({
  decode: decodeOffsetDeleteRequest,
  encode: encodeOffsetDeleteResponse,
  async handle(request, call, broker) {
    if (!isAllowed(broker, call, 'delete', 'group', request.groupId)) {
      return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    const mayRead = (topic: string): boolean => isAllowed(broker, call, 'read', 'topic', topic);
    const readable = request.topics.filter(({ name }) => mayRead(name));
    const asked = readable.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
    );
    const { error, results } = await new Promise<Outcome>((resolve) =>
      broker.groups.deleteOffsets(request.groupId, asked, (error, results) => resolve({ error, results })),
    );
    if (error !== 'NONE') return { errorCode: ErrorCode[error] };
    let next = 0;
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: mayRead(name) ? ErrorCode[results[next++] ?? 'NONE'] : ErrorCode.TOPIC_AUTHORIZATION_FAILED,
      })),
    }));
    return { errorCode: 0, topics };
  },
});
