/** `millrace connector status`: a connector and its tasks, each with its state, the reason of a failure, and its own figures. */
import type { Command } from 'commander';
import { firstLine, statusOf } from './connectors.ts';
import { notice, type OutputFormat, printObject, printRows, withOutput, writeData } from './io.ts';
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
  const figures = status.tasks.flatMap(({ id, figures }) =>
    Object.entries(figures ?? {}).map(([figure, value]) => ({ part: `task ${id}`, figure, value })),
  );
  if (figures.length > 0) {
    writeData('\n');
    printRows('table', figures, ['part', 'figure', 'value']);
  }
  for (const task of status.tasks) {
    const line = snapshotLine(task.figures ?? {});
    if (line !== null) writeData(`\nTask ${task.id} reads a snapshot: ${line}.\n`);
  }
  for (const warning of status.tasks.flatMap(({ warnings }) => warnings ?? [])) notice(warning);
}

/** How far a snapshot is, from the figures that `gauge` of the connector API names; null where none is read. */
function snapshotLine(figures: Readonly<Record<string, number>>): string | null {
  const { snapshot_running, snapshot_rows = 0, snapshot_rows_expected, snapshot_rows_per_second } = figures;
  if (snapshot_running !== 1) return null;
  const of =
    snapshot_rows_expected === undefined
      ? ' rows'
      : ` of about ${snapshot_rows_expected} rows (${Math.floor((100 * snapshot_rows) / Math.max(1, snapshot_rows_expected))} %)`;
  const rate = snapshot_rows_per_second === undefined ? '' : `, ${snapshot_rows_per_second} rows/s`;
  const left = figures.snapshot_seconds_left === undefined ? '' : `, ${figures.snapshot_seconds_left} s left`;
  return `${snapshot_rows}${of}${rate}${left}`;
}
