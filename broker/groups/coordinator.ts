/**
 * The group coordinator: consumer groups of the classic protocol and their committed offsets. Signatures first.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type {
  CommitRequest,
  CommitResult,
  CommittedOffset,
  GroupDescription,
  GroupListing,
  JoinRequest,
  JoinResult,
  LeaveResult,
  LeavingMember,
  MemberIdentity,
  SyncRequest,
  SyncResult,
} from './types.ts';

/** Callbacks are called exactly once, possibly before the method returned. */
export interface GroupCoordinator {
  join(request: JoinRequest, done: (result: JoinResult) => void): void;
  sync(request: SyncRequest, done: (result: SyncResult) => void): void;
  heartbeat(member: MemberIdentity): ErrorName;
  leave(group: string, members: readonly LeavingMember[]): LeaveResult;
  /** Answers when the offsets are durable. */
  commit(request: CommitRequest, done: (result: CommitResult) => void): void;
  /** Undefined where nothing is committed. */
  offset(group: string, topic: string, partition: number): CommittedOffset | undefined;
  /** All committed offsets of a group. */
  offsets(group: string): readonly (CommittedOffset & { readonly topic: string; readonly partition: number })[];
  /** Forgets offsets. One answer per partition, in order; the group's own refusal stands in for all. */
  deleteOffsets(
    group: string,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
    done: (error: ErrorName, results: readonly ErrorName[]) => void,
  ): void;
  list(): readonly GroupListing[];
  describe(group: string): GroupDescription;
  delete(group: string, done: (error: ErrorName) => void): void;
}
