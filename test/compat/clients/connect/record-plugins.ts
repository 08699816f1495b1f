/**
 * Asks Kafka Connect's own transforms and converters (java/Answers.java) and writes down cases and answers as the tables
 * that ours are held to. For developers, after scripts/compat-install.sh and a change of the cases.
 * Run: node test/compat/clients/connect/record-plugins.ts
 */
import { writeFileSync } from 'node:fs';
import { converterCases } from './converter-cases.ts';
import { javaAnswers } from './java-connect.ts';
import { transformCases } from './transform-cases.ts';

function record(cases: readonly { readonly name: string }[], table: string): void {
  const names = new Set(cases.map(({ name }) => name));
  if (names.size !== cases.length) throw new Error(`Two cases of ${table} have the same name.`);
  const results = javaAnswers(cases);
  const lines = cases.map((each, index) => JSON.stringify({ ...each, result: results[index] }));
  writeFileSync(new URL(`../../../../connectors/${table}`, import.meta.url), `[\n${lines.join(',\n')}\n]\n`);
  process.stdout.write(`${table}: ${lines.length} answers\n`);
}

record(transformCases, 'transforms/stock.golden.json');
record(converterCases, 'converters/stock.golden.json');
