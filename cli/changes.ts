/** What `diff` and `apply` share: asking the worker what it runs, and showing what would change. */
import { counted } from './connector-files.ts';
import { notice, type OutputFormat, printRows, writeData } from './io.ts';
import { request } from './rest.ts';
import type { Change, RunningConnector } from './workshop.ts';

interface Expanded {
  readonly info: { readonly config: Readonly<Record<string, string>> };
  readonly status: { readonly connector: { readonly state: string } };
}

/** Every connector of the worker, by name. */
export async function runningConnectors(base: string): Promise<Map<string, RunningConnector>> {
  const answer = (await request(base, 'GET', 'connectors?expand=info&expand=status')) as Record<string, Expanded>;
  return new Map(
    Object.entries(answer).map(([name, { info, status }]) => [
      name,
      { config: { ...info.config, name }, state: status.connector.state },
    ]),
  );
}

/** The changes that do something. */
export function effective(changes: readonly Change[]): Change[] {
  return changes.filter(({ action }) => action !== 'unchanged' && action !== 'unmanaged');
}

export function printChanges(output: OutputFormat, changes: readonly Change[]): void {
  if (output !== 'table')
    printRows(
      output,
      changes.map((change) => ({ ...change })),
      [],
    );
  else writeData(changes.map(shownChange).join(''));
}

const marks = { create: '+', change: '~', delete: '-', unchanged: ' ', unmanaged: '?' } as const;

function shownChange({ connector, action, file, keys, effects }: Change): string {
  const from = file === null ? '' : `  (${file})`;
  const changed = keys.map(({ key, before, after }) => {
    if (before === null) return `    + ${key} = ${after}\n`;
    return after === null ? `    - ${key} (was ${before})\n` : `    ~ ${key}: ${before} → ${after}\n`;
  });
  return `${marks[action]} ${action} ${connector}${from}\n${changed.join('')}${effects.map((each) => `      ${each}\n`).join('')}`;
}

/** One line that sums up. */
export function sumUp(changes: readonly Change[]): void {
  const count = (action: Change['action']) => changes.filter((change) => change.action === action).length;
  const parts = (['create', 'change', 'delete'] as const).map((action) => `${count(action)} to ${action}`);
  notice(`${parts.join(', ')}; ${counted(count('unchanged'), 'connector')} unchanged.`);
}
