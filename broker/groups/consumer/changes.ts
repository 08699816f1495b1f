/**
 * What can happen to a group of the consumer protocol, as data, and the draft that collects it: a request is worked out
 * on a copy, which takes the group's place only when its changes are durable.
 */
import type { ConsumerGroup } from './group.ts';
import type { Assignment, CurrentAssignment, MemberMetadata, ResolvedRegex } from './types.ts';

/** One change, one record of `__consumer_offsets`. Null forgets. */
export type GroupChange =
  | { readonly type: 'epoch'; readonly epoch: number; readonly metadataHash: number }
  | { readonly type: 'member'; readonly memberId: string; readonly value: MemberMetadata | null }
  | { readonly type: 'target-epoch'; readonly epoch: number; readonly timestampMs: number }
  | { readonly type: 'target'; readonly memberId: string; readonly partitions: Assignment | null }
  | { readonly type: 'current'; readonly memberId: string; readonly value: CurrentAssignment | null }
  | { readonly type: 'regex'; readonly regex: string; readonly value: ResolvedRegex | null };

export class Draft {
  /** The group with the changes so far. */
  group: ConsumerGroup;
  readonly changes: GroupChange[] = [];
  /** The topics as they are now have been taken into account. */
  hasSeenTopics = false;

  constructor(group: ConsumerGroup) {
    this.group = group;
  }

  write(change: GroupChange): void {
    // Most heartbeats change nothing and need no copy.
    if (this.changes.length === 0) this.group = this.group.clone();
    this.changes.push(change);
    this.group.apply(change);
  }
}
