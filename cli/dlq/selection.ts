/** The letters a command is about: read from their topics, then chosen by group and condition. */
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { type Cluster, type ClusterOptions, withBrokers } from '../kafka/cluster.ts';
import { withConnect } from '../rest.ts';
import { type Condition, conditionOf } from './edit.ts';
import { type DeadLetter, readLetters, readResolved } from './letters.ts';
import { deadLetterTopics } from './topics.ts';

export interface SelectionOptions extends ClusterOptions {
  readonly connect: string;
  readonly group?: string;
  readonly where?: string;
  readonly resolved?: boolean;
}

/** Declares what chooses letters. */
export function withSelection(command: Command): Command {
  command.argument('[topic...]', "dead letter topics (those of the worker's connectors)");
  command.option('--group <id>', 'only letters of one cause, as `dlq ls` names it');
  command.option('--where <cel>', 'only letters for which a CEL expression is true: value.amount > 10');
  return withConnect(withBrokers(command));
}

/** Letters that are still open (or all, with `resolved`). NOT_FOUND for a topic or group that is not there. */
export async function selectLetters(
  cluster: Cluster,
  named: readonly string[],
  options: SelectionOptions,
): Promise<DeadLetter[]> {
  const condition: Condition = options.where === undefined ? () => true : conditionOf(options.where);
  const topics = await deadLetterTopics(named, options.connect);
  const resolved = await readResolved(cluster);
  const letters: DeadLetter[] = [];
  for (const topic of topics) {
    try {
      letters.push(...(await readLetters(cluster, topic, resolved)));
    } catch (error) {
      // A queue that was never needed was never created.
      if (named.length > 0 || !(error instanceof CliError && error.code === 'NOT_FOUND')) throw error;
    }
  }
  const { group } = options;
  if (group !== undefined && !letters.some((letter) => letter.group === group)) {
    const groups = [...new Set(letters.map((letter) => letter.group))];
    const next = groups.length === 0 ? 'There are no letters at all.' : `There are: ${groups.join(', ')}.`;
    throw new CliError('NOT_FOUND', `No dead letter belongs to the group "${group}".`, { next });
  }
  return letters.filter(
    (letter) =>
      (group === undefined || letter.group === group) &&
      (options.resolved === true || !letter.isResolved) &&
      condition(letter),
  );
}
