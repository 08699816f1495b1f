/**
 * Asks Kafka Connect's own transforms and converters (java/Answers.java) and writes down cases and answers as the tables
 * that ours are held to. Run: node test/compat/clients/connect/record-plugins.ts <class path with Answers and the jars>
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { converterCases } from './converter-cases.ts';
import { transformCases } from './transform-cases.ts';

const [classPath] = process.argv.slice(2);
if (classPath === undefined) throw new Error('Which class path? It must hold Answers and the jars of Kafka Connect.');

function record(cases: readonly { readonly name: string }[], table: string): void {
  const names = new Set(cases.map(({ name }) => name));
  if (names.size !== cases.length) throw new Error(`Two cases of ${table} have the same name.`);
  const java = spawnSync('java', ['-cp', classPath!, 'Answers'], { input: JSON.stringify(cases), maxBuffer: 1 << 28 });
  if (java.status !== 0) throw new Error(java.stderr.toString());
  const results: unknown[] = JSON.parse(java.stdout.toString());
  const lines = cases.map((each, index) => JSON.stringify({ ...each, result: results[index] }));
  writeFileSync(new URL(`../../../../connectors/${table}`, import.meta.url), `[\n${lines.join(',\n')}\n]\n`);
  process.stdout.write(`${table}: ${lines.length} answers\n`);
}

record(transformCases, 'transforms/stock.golden.json');
record(converterCases, 'converters/stock.golden.json');
