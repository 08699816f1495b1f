/**
 * Fencing the producers of tasks that may still be at work somewhere, cut off but not dead (KIP-618): whoever takes a
 * transactional id over ends the last one's writing, and aborts what it left open.
 *
 * Asked before a new set of tasks deals the work out anew, and before the offsets of a stopped connector are changed.
 */
import type { LogClient } from '../log/client.ts';
import { within } from './backoff.ts';

/** Fencing waits for the end of what the older producer left open, which takes a coordinator seconds at worst. */
const FENCE_DEADLINE_MS = 60_000;

/** KIP-618's name of a task's producer: whoever has it last writes, everybody before is fenced. */
export function transactionalIdOf(groupId: string, connector: string, task: number): string {
  return `${groupId}-${connector}-${task}`;
}

/** Resolves when none of these tasks' producers can write any more. */
export async function fenceTasks(
  log: LogClient,
  groupId: string,
  connector: string,
  tasks: readonly number[],
): Promise<void> {
  for (const task of tasks) {
    const transactionalId = transactionalIdOf(groupId, connector, task);
    const opening = log.transactionalProducer({ clientId: `connector-fencing-${connector}-${task}`, transactionalId });
    const producer = await within(`Fencing the last ${transactionalId}`, FENCE_DEADLINE_MS, opening);
    await producer.close();
  }
}
