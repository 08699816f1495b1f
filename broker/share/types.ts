/**
 * The nouns of share groups' delivery (KIP-932): what state a record is in for a group, what a consumer may say of it,
 * how its group wants it delivered. Free of wire versions and of storage.
 */

/** As written in ShareSnapshotValue and ShareUpdateValue; `acquired` is never written: it ends with the process. */
export const DeliveryState = { available: 0, acquired: 1, acknowledged: 2, archived: 4 } as const;
export type DeliveryState = (typeof DeliveryState)[keyof typeof DeliveryState];

/** As in ShareFetch and ShareAcknowledge. A gap is an offset where the consumer found no record. */
export const AcknowledgeType = { gap: 0, accept: 1, release: 2, reject: 3, renew: 4 } as const;

/** Neighbouring offsets and what a consumer says of them: one type for all, or one for each. Both ends included. */
export interface AcknowledgementBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly acknowledgeTypes: readonly number[];
}

/** Neighbouring offsets in one durable state. Both ends included. */
export interface StateBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly deliveryState: number;
  readonly deliveryCount: number;
}

/** Neighbouring offsets given to a consumer. Both ends included. */
export interface AcquiredRecords {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly deliveryCount: number;
}

/** One group's view of one partition. */
export interface SharePartitionKey {
  readonly group: string;
  readonly topicId: string;
  readonly partition: number;
}

/** How a group wants its records delivered: its own configs over the broker's. */
export interface ShareGroupSettings {
  /** `share.session.timeout.ms`. */
  readonly sessionTimeoutMs: number;
  /** `share.heartbeat.interval.ms`. */
  readonly heartbeatIntervalMs: number;
  /** `share.record.lock.duration.ms`. */
  readonly recordLockDurationMs: number;
  /** `share.delivery.count.limit`. */
  readonly deliveryCountLimit: number;
  /** `share.partition.max.record.locks`: the widest window of records in flight. */
  readonly partitionMaxRecordLocks: number;
  /** `share.auto.offset.reset`: `earliest`, `latest` or `by_duration:<ISO 8601>`. */
  readonly autoOffsetReset: string;
  /** `share.isolation.level`. */
  readonly isolation: 'read_committed' | 'read_uncommitted';
  /** `share.renew.acknowledge.enable`. */
  readonly isRenewEnabled: boolean;
}
