/** `millrace connector ls`: every connector with its state, failed ones first. */
import type { Command } from 'commander';
import { type ConnectorInfo, type ConnectorStatus, firstLine } from './connectors.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { request, withConnect } from './rest.ts';

type Expanded = Record<string, { status?: ConnectorStatus; info?: ConnectorInfo }>;

export function define(command: Command): void {
  withOutput(withConnect(command)).action(list);
}

async function list(options: { connect: string; output: OutputFormat }): Promise<void> {
  const expanded = (await request(options.connect, 'GET', 'connectors?expand=status&expand=info')) as Expanded;
  const rows = Object.entries(expanded).map(([name, { status, info }]) => {
    const tasks = status?.tasks ?? [];
    const failed = [status?.connector, ...tasks].find((part) => part?.state === 'FAILED');
    return {
      name,
      type: status?.type ?? null,
      state: status?.connector.state ?? 'UNASSIGNED',
      tasks: `${tasks.filter((task) => task.state === 'RUNNING').length}/${tasks.length}`,
      class: info?.config['connector.class'] ?? null,
      error: failed === undefined ? null : firstLine(failed.trace),
    };
  });
  rows.sort((a, b) => Number(a.error === null) - Number(b.error === null) || (a.name < b.name ? -1 : 1));
  printRows(options.output, rows, ['name', 'type', 'state', 'tasks', 'class', 'error']);
}
