/**
 * OffsetDelete (key 47): a group forgets single offsets, unless it is subscribed to their topics (KIP-496).
 */
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import { decodeOffsetDeleteRequest } from '../protocol/messages/generated/offset-delete-request.ts';
import { encodeOffsetDeleteResponse } from '../protocol/messages/generated/offset-delete-response.ts';
import { defineApi } from '../server/api.ts';

interface Outcome {
  readonly error: ErrorName;
  readonly results: readonly ErrorName[];
}

export const offsetDelete = defineApi({
  decode: decodeOffsetDeleteRequest,
  encode: encodeOffsetDeleteResponse,
  async handle(request, _call, broker) {
    const asked = request.topics.flatMap(({ name, partitions }) =>
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
        errorCode: ErrorCode[results[next++] ?? 'NONE'],
      })),
    }));
    return { errorCode: 0, topics };
  },
});
