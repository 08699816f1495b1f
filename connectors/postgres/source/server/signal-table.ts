/**
 * Looks whether rows of the signal table would be heard: it has to be there, with its three columns, and in the publication.
 * A table that is not is no reason to keep the records of all others back, so a check lists it and a start says it.
 */
import type { ConfigProblem } from '../../../api/index.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { listTables, nameOf, publishedTables, qualified, readTables } from '../tables/catalog.ts';

/** id, type and data. */
const COLUMNS_MIN = 3;

/** Why no signal would come; empty where one would, or where none is expected. */
export async function signalTableProblems(
  connection: WireConnection,
  { signalTable, publication }: SourceSettings,
): Promise<ConfigProblem[]> {
  if (signalTable === null) return [];
  const problem = (message: string) => [{ key: 'signal.data.collection', value: signalTable, message }];
  const name = { schema: signalTable.split('.')[0]!, name: signalTable.slice(signalTable.indexOf('.') + 1) };
  const add = `ALTER PUBLICATION ${quoteIdentifier(publication.name)} ADD TABLE ${qualified(name)};`;
  // A table that appears later is published only then, and only where we do that.
  const publish = publication.mode === 'filtered' || publication.mode === 'all_tables' ? '' : ` ${add}`;
  const create = `CREATE TABLE ${qualified(name)} (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));`;
  const found = (await listTables(connection, publication.viaRoot)).find((table) => nameOf(table) === signalTable);
  if (found === undefined)
    return problem(`There is no table ${signalTable}, so no signal is heard. Run: ${create}${publish}`);
  const [table] = await readTables(connection, [found.oid]);
  if (table !== undefined && table.columns.length < COLUMNS_MIN) {
    const said = `Table ${signalTable} has ${table.columns.length} columns, and signals are in three: id, type and data.`;
    return problem(`${said} Name another table, or make this one anew: ${create}`);
  }
  // What is not there yet, or lacks tables and may be completed, we make or complete ourselves.
  const [exists] = await connection.query(
    `SELECT 1 FROM pg_publication WHERE pubname = ${quoteLiteral(publication.name)}`,
  );
  if (exists === undefined || publication.mode === 'filtered') return [];
  const published = await publishedTables(connection, publication.name);
  if (published.some(({ oid }) => oid === found.oid)) return [];
  const message = `The publication "${publication.name}" lacks the table ${signalTable}, so its signals are not heard. Run: ${add}`;
  return problem(message);
}
