/**
 * What the sink would do with records: the statements, with the rows they would carry. Looks at the target's catalogue in
 * a transaction that can only read.
 */
import type { SinkRecord } from '../../api/index.ts';
import { toConnectError } from '../errors.ts';
import { toChange } from './sink-change.ts';
import { openSinkClient } from './sink-client.ts';
import type { SinkSettings } from './sink-config.ts';
import { byTarget } from './sink-order.ts';
import { reduced, statementsFor } from './sink-statements.ts';
import { TargetTables } from './target-tables.ts';

/** The statements in the order in which one `put` would send them, inside its transaction. */
export async function explainRecords(
  settings: SinkSettings,
  records: readonly SinkRecord[],
): Promise<readonly string[]> {
  try {
    const client = await openSinkClient(settings, 'preview', () => {});
    try {
      await client.query('BEGIN READ ONLY');
      const tables = new TargetTables(settings);
      const statements: string[] = [];
      for (const [target, changes] of byTarget(records.flatMap((record) => toChange(record, settings) ?? []))) {
        const folded = reduced(changes, settings);
        const { table, ddl } = await tables.foresee(client, target, folded);
        if (ddl !== null) statements.push(ddl);
        statements.push(
          ...statementsFor(table, folded, settings).map(({ text, parameters }) =>
            [text, ...parameters.map((parameter, index) => `  $${index + 1} = ${parameter}`)].join('\n'),
          ),
        );
      }
      return statements;
    } finally {
      await client.end();
    }
  } catch (error) {
    throw toConnectError(error, 'previewing the sink');
  }
}
