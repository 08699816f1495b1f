/**
 * What earlier runs of a connector left behind, read from its source offsets: the filters this task's session still has,
 * messages it may get again, and sessions of tasks that are no more. Pure.
 */
import type { KeptOffset, SourceOffset } from '../api/index.ts';
import type { MqttSettings } from './config.ts';
import type { FormerFilters } from './session.ts';

/** A session without a task. */
export interface Orphan {
  readonly clientId: string;
  readonly filters: readonly string[];
  /** As {@link Redeliveries.upTo} wrote it. */
  readonly unacked: string;
}

export interface FormerRuns {
  /** Null: this client id has had no session. */
  readonly filters: FormerFilters | null;
  readonly unacked: string;
  /** Those this task is to empty. */
  readonly orphans: readonly Orphan[];
}

/** Of task `task`; `clientIdOf` names the session of any task. */
export function formerRuns(
  settings: MqttSettings,
  clientIdOf: (task: number) => string,
  task: number,
  kept: readonly KeptOffset[],
): FormerRuns {
  const sessions = new Map<string, SourceOffset>();
  for (const { partition, offset } of kept) {
    const id = partition['mqtt.client.id'];
    if (typeof id !== 'string') continue;
    if (Object.keys(partition).length === 1) sessions.set(id, offset);
    // Sparkplug keeps its offsets elsewhere; they tell of the session all the same.
    else if (!sessions.has(id)) sessions.set(id, {});
  }
  const own = sessions.get(settings.clientId);
  const orphans: Orphan[] = [];
  const former = tasksBefore(sessions, clientIdOf);
  for (let other = settings.tasks; other < former; other++) {
    const clientId = clientIdOf(other);
    // Shared out, so that many orphans are not one task's.
    if (other % settings.tasks !== task) continue;
    const offset = sessions.get(clientId);
    orphans.push({
      clientId,
      filters: (offset?.filters as readonly string[] | undefined) ?? settings.allFilters,
      unacked: textOf(offset?.unacked),
    });
  }
  return { filters: own === undefined ? null : filtersLeft(own, settings), unacked: textOf(own?.unacked), orphans };
}

/** How many tasks there once were, by offsets of sessions that are ours by name: another `mqtt.client.id` had others. */
function tasksBefore(sessions: ReadonlyMap<string, SourceOffset>, clientIdOf: (task: number) => string): number {
  let most = 0;
  for (const [id, { tasks }] of sessions) {
    const count = Number(tasks ?? 0);
    const isOurs = Array.from({ length: count }, (_, task) => clientIdOf(task)).includes(id);
    if (isOurs) most = Math.max(most, count);
  }
  return most;
}

function filtersLeft(offset: SourceOffset, { filters, allFilters }: MqttSettings): FormerFilters {
  const obsolete = ((offset.filters as string[] | undefined) ?? []).filter((filter) => !filters.includes(filter));
  return {
    removed: obsolete.filter((filter) => !allFilters.includes(filter)),
    moved: obsolete.filter((filter) => allFilters.includes(filter)),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
