/**
 * One connection and the few things that tests of the protocol ask again and again, one partition or member at a time,
 * with every option defaulted. What an API answers beyond that is asked through `call`.
 */
import { apis } from '../../broker/protocol/messages/generated/apis.ts';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import { allExchanges } from './exchanges.ts';
import { type Exchange, exchanges, type KafkaConnection, type TestBroker } from './kafka.ts';

export const oneMiB = 1 << 20;
const sessionless = -1;
const groupProtocol = { name: 'range', metadata: Buffer.from('subscription') };

export interface Batched {
  readonly codec?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
}

/** A batch of records `[timestamp, value]`, each with a key. */
export function timedBatch(
  records: readonly (readonly [timestamp: number, value: string])[],
  options: Batched = {},
): Buffer {
  const builder = new BatchBuilder();
  for (const [timestamp, value] of records) builder.append(timestamp, Buffer.from('k'), Buffer.from(value), []);
  return builder.build(options);
}

export interface Joining {
  readonly memberId?: string;
  readonly groupInstanceId?: string | null;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly version?: number;
}

export class RawClient {
  readonly connection: KafkaConnection;
  /** Of the topics this client names; asked once, for the versions that want ids. */
  readonly #topicIds = new Map<string, string>();

  private constructor(connection: KafkaConnection) {
    this.connection = connection;
  }

  static of(connection: KafkaConnection): RawClient {
    return new RawClient(connection);
  }

  static async connect(kafka: TestBroker): Promise<RawClient> {
    return new RawClient(await kafka.connect());
  }

  call<Request, Response>(api: Exchange<Request, Response>, version: number, request: Request): Promise<Response> {
    return this.connection.call(api, version, request);
  }

  async topicId(name: string): Promise<string> {
    const known = this.#topicIds.get(name);
    if (known !== undefined) return known;
    const { topics } = await this.call(exchanges.metadata, 12, { topics: [{ name }] });
    this.#topicIds.set(name, topics[0]!.topicId);
    return topics[0]!.topicId;
  }

  async createTopic(name: string, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<void> {
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    const topic = { name, numPartitions: partitions, replicationFactor: 1, configs };
    const { topics } = await this.call(exchanges.createTopics, 7, { topics: [topic], timeoutMs: 60_000 });
    const { errorCode, errorMessage } = topics[0]!;
    if (errorCode !== 0) throw new Error(`${name} was not created: ${errorMessage}`);
  }

  async produce(
    topic: string,
    records: Buffer | null,
    { partition = 0, acks = -1, version = 9, transactionalId = null as string | null } = {},
  ) {
    const topicId = version >= 13 ? await this.topicId(topic) : undefined;
    const place = topicId === undefined ? { name: topic } : { topicId };
    const topicData = [{ ...place, partitionData: [{ index: partition, records }] }];
    const answer = await this.call(exchanges.produce, version, { transactionalId, acks, timeoutMs: 60_000, topicData });
    return answer.responses[0]!.partitionResponses[0]!;
  }

  /** Without a session. */
  async fetch(
    topic: string,
    fetchOffset: number,
    { partition = 0, version = 12, maxBytes = oneMiB, maxWaitMs = 0, minBytes = 1, isolationLevel = 0 } = {},
  ) {
    const place = version >= 13 ? { topicId: await this.topicId(topic) } : { topic };
    const asked = { partition, fetchOffset, partitionMaxBytes: maxBytes };
    const answer = await this.call(exchanges.fetch, version, {
      maxWaitMs,
      minBytes,
      maxBytes,
      isolationLevel,
      sessionEpoch: sessionless,
      topics: [{ ...place, partitions: [asked] }],
    });
    return answer.responses[0]!.partitions[0]!;
  }

  async listOffset(
    topic: string,
    timestamp: number,
    { partition = 0, version = apis.listOffsets.max as number, isolationLevel = 0 } = {},
  ) {
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }];
    const answer = await this.call(allExchanges.listOffsets, version, { replicaId: -1, isolationLevel, topics });
    return answer.topics[0]!.partitions[0]!;
  }

  join(groupId: string, { version = 9, ...options }: Joining = {}) {
    const member = {
      memberId: '',
      groupInstanceId: null,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 5_000,
      ...options,
    };
    const request = { groupId, ...member, protocolType: 'consumer', protocols: [groupProtocol] };
    return this.call(allExchanges.joinGroup, version, request);
  }

  /** Joins as a new dynamic member does: is told its id first, then joins with it. */
  async joinAnew(groupId: string, options: Joining = {}) {
    const told = await this.join(groupId, options);
    return told.errorCode === 0 ? told : this.join(groupId, { ...options, memberId: told.memberId });
  }

  /** `assignments`: by member id, from the leader. */
  sync(groupId: string, generationId: number, memberId: string, assignments: Readonly<Record<string, string>> = {}) {
    return this.call(allExchanges.syncGroup, 5, {
      groupId,
      generationId,
      memberId,
      protocolType: 'consumer',
      protocolName: groupProtocol.name,
      assignments: Object.entries(assignments).map(([id, assignment]) => ({
        memberId: id,
        assignment: Buffer.from(assignment),
      })),
    });
  }

  async heartbeat(groupId: string, generationId: number, memberId: string): Promise<number> {
    return (await this.call(allExchanges.heartbeat, 4, { groupId, generationId, memberId })).errorCode;
  }

  async initProducerId(transactionalId: string | null = null, { version = 5, transactionTimeoutMs = 60_000 } = {}) {
    return this.call(allExchanges.initProducerId, version, { transactionalId, transactionTimeoutMs });
  }

  endTransaction(
    transactionalId: string,
    { producerId, producerEpoch }: { producerId: number; producerEpoch: number },
    committed: boolean,
  ) {
    return this.call(allExchanges.endTxn, 5, { transactionalId, producerId, producerEpoch, committed });
  }

  close(): void {
    this.connection.close();
  }
}
