/** `millrace dlq ls`: dead letters by cause. */
import type { Command } from 'commander';
import { counted } from './connector-files.ts';
import { groupsOf } from './dlq/letters.ts';
import { type SelectionOptions, selectLetters, withSelection } from './dlq/selection.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { withCluster } from './kafka/cluster.ts';

export function define(command: Command): void {
  command.option('--resolved', 'also causes of which no letter is open any more');
  withOutput(withSelection(command)).action(list);
}

async function list(topics: readonly string[], options: SelectionOptions & { output: OutputFormat }): Promise<void> {
  // Resolved letters are counted in any case.
  const letters = await withCluster(options, (cluster) =>
    selectLetters(cluster, topics, { ...options, resolved: true }),
  );
  const groups = groupsOf(letters).filter(({ open }) => open > 0 || options.resolved === true);
  const columns = ['group', 'open', 'resolved', 'topic', 'connector', 'stage', 'error', 'cause', 'last'];
  printRows(
    options.output,
    groups.map((group) => ({ ...group })),
    columns,
  );
  if (options.output !== 'table') return;
  const open = groups.reduce((sum, group) => sum + group.open, 0);
  notice(
    open === 0
      ? 'No dead letter is open.'
      : `${counted(open, 'open letter')}. Look at one with: millrace dlq show --group ${groups[0]!.group}`,
  );
}
