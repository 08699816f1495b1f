/** `millrace connector status`: a connector and its tasks, each with its state and the reason of a failure. */
import type { Command } from 'commander';
import { firstLine, statusOf } from './connectors.ts';
import { notice, type OutputFormat, printObject, printRows, withOutput } from './io.ts';
import { withConnect } from './rest.ts';

export function define(command: Command): void {
  withOutput(withConnect(command.argument('<name>', 'connector'))).action(show);
}

async function show(name: string, options: { connect: string; output: OutputFormat }): Promise<void> {
  const status = await statusOf(options.connect, name);
  if (options.output !== 'table') {
    printObject(options.output, { ...status });
    return;
  }
  const parts = [
    { id: 'connector', ...status.connector },
    ...status.tasks.map((task) => ({ ...task, id: `task ${task.id}` })),
  ];
  const rows = parts.map(({ id, state, worker_id, trace }) => ({
    part: id,
    state,
    worker: worker_id,
    error: trace === undefined ? null : firstLine(trace),
  }));
  printRows('table', rows, ['part', 'state', 'worker', 'error']);
  for (const warning of status.tasks.flatMap(({ warnings }) => warnings ?? [])) notice(warning);
}
