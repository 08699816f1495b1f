/**
 * A member of a share group on a connection of its own, one request at a time, with the protocol's own codecs: joins,
 * fetches, says what became of records, leaves. What an API answers beyond that is asked through `connection`.
 */
import { randomBytes } from 'node:crypto';
import type { Broker } from '../../broker/broker.ts';
import { batchStarts, isControl } from '../../broker/protocol/record-batch.ts';
import { readRecords } from '../../broker/protocol/records.ts';
import type { AcquiredRecords } from '../../broker/share/types.ts';
import { allExchanges } from './exchanges.ts';
import { exchanges, KafkaConnection } from './kafka.ts';

const fetchVersion = 2;

export interface SharedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
  readonly deliveryCount: number;
}

interface FetchOptions {
  readonly maxWaitMs?: number;
  readonly maxRecords?: number;
  readonly batchSize?: number;
  /** 1: not a record more (KIP-1206). */
  readonly shareAcquireMode?: number;
}

/** First and last offset, and what is said of them. */
export type Said = readonly [first: number, last: number, types: readonly number[]];

export class ShareMember {
  readonly connection: KafkaConnection;
  readonly group: string;
  /** With `+` and `/`, as librdkafka makes them. */
  readonly memberId = randomBytes(16).toString('base64');
  #epoch = 0;
  #topic = { topicId: '', partitions: [] as number[] };
  #sessionEpoch = 0;

  private constructor(connection: KafkaConnection, group: string) {
    this.connection = connection;
    this.group = group;
  }

  /** Connects and joins; what it reads are all partitions of the topic. */
  static async join(broker: Pick<Broker, 'address'>, group: string, topic: string): Promise<ShareMember> {
    const member = new ShareMember(await KafkaConnection.open(broker), group);
    const { errorCode, memberEpoch } = await member.heartbeat({ memberEpoch: 0, subscribedTopicNames: [topic] });
    if (errorCode !== 0) throw new Error(`The member could not join: error ${errorCode}.`);
    member.#epoch = memberEpoch;
    const { topics } = await member.connection.call(exchanges.metadata, 12, { topics: [{ name: topic }] });
    const [{ topicId, partitions }] = topics as [(typeof topics)[number]];
    member.#topic = { topicId, partitions: partitions.map(({ partitionIndex }) => partitionIndex) };
    return member;
  }

  get topicId(): string {
    return this.#topic.topicId;
  }

  heartbeat(more: { readonly memberEpoch?: number; readonly subscribedTopicNames?: string[] } = {}) {
    const request = { groupId: this.group, memberId: this.memberId, memberEpoch: this.#epoch, ...more };
    return this.connection.call(allExchanges.shareGroupHeartbeat, 1, request);
  }

  /** The whole answer to a fetch of this session. */
  async fetchRaw({ maxWaitMs = 0, maxRecords = 500, batchSize = 500, shareAcquireMode = 0 }: FetchOptions = {}) {
    const { topicId, partitions } = this.#topic;
    const isOpening = this.#sessionEpoch === 0;
    const answer = await this.connection.call(allExchanges.shareFetch, fetchVersion, {
      groupId: this.group,
      memberId: this.memberId,
      shareSessionEpoch: this.#sessionEpoch,
      maxWaitMs,
      minBytes: 1,
      maxBytes: 1 << 20,
      maxRecords,
      batchSize,
      shareAcquireMode,
      topics: isOpening ? [{ topicId, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }] : [],
    });
    if (answer.errorCode === 0) this.#sessionEpoch++;
    return answer;
  }

  /** The records that are this member's now. Throws what the answer says of errors. */
  async fetch(options: FetchOptions = {}): Promise<SharedRecord[]> {
    const { errorCode, errorMessage, responses } = await this.fetchRaw(options);
    if (errorCode !== 0) throw new Error(`ShareFetch: ${errorCode} ${errorMessage}`);
    return responses.flatMap(({ partitions }) =>
      partitions.flatMap((partition) => {
        if (partition.errorCode !== 0) throw new Error(`ShareFetch of a partition: ${partition.errorCode}`);
        return recordsOf(partition.partitionIndex, partition.records, partition.acquiredRecords);
      }),
    );
  }

  /** The error code of the one partition. */
  async acknowledge(said: readonly Said[], { partition = 0, isRenewAck = false, version = 2 } = {}): Promise<number> {
    const answer = await this.connection.call(allExchanges.shareAcknowledge, version, {
      groupId: this.group,
      memberId: this.memberId,
      shareSessionEpoch: this.#sessionEpoch,
      isRenewAck,
      topics: [
        {
          topicId: this.#topic.topicId,
          partitions: [
            {
              partitionIndex: partition,
              acknowledgementBatches: said.map(([firstOffset, lastOffset, acknowledgeTypes]) => ({
                firstOffset,
                lastOffset,
                acknowledgeTypes: [...acknowledgeTypes],
              })),
            },
          ],
        },
      ],
    });
    if (answer.errorCode !== 0) return answer.errorCode;
    this.#sessionEpoch++;
    return answer.responses[0]!.partitions[0]!.errorCode;
  }

  async leave(): Promise<void> {
    await this.heartbeat({ memberEpoch: -1 });
    this.close();
  }

  /** Without a word. */
  close(): void {
    this.connection.close();
  }
}

function recordsOf(partition: number, records: Buffer, acquired: readonly AcquiredRecords[]): SharedRecord[] {
  const found: SharedRecord[] = [];
  for (const start of batchStarts(records)) {
    if (isControl(records, start)) continue;
    for (const { offset, value } of readRecords(records, start)) {
      const mine = acquired.find(({ firstOffset, lastOffset }) => firstOffset <= offset && offset <= lastOffset);
      if (mine === undefined) continue;
      found.push({ partition, offset, value: value?.toString() ?? '', deliveryCount: mine.deliveryCount });
    }
  }
  return found;
}
