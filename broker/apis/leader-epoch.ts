/**
 * The leader epoch a client believes in, checked against ours (KIP-320). Shared by Fetch, ListOffsets and
 * OffsetForLeaderEpoch.
 */
import { BrokerError } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';

/** -1 is a client that does not say. Throws FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH. */
export function checkLeaderEpoch(log: Pick<PartitionLog, 'topic' | 'partition' | 'leaderEpoch'>, asked: number): void {
  if (asked < 0 || asked === log.leaderEpoch) return;
  const where = `${log.topic}-${log.partition} is in epoch ${log.leaderEpoch}, the request in ${asked}.`;
  if (asked < log.leaderEpoch) throw new BrokerError('FENCED_LEADER_EPOCH', where);
  throw new BrokerError('UNKNOWN_LEADER_EPOCH', where);
}
