/**
 * Walks a real Kafka Connect worker and writes down what it answers: connect.golden.json. For developers, and for CI
 * where Maven is there. Run: node test/compat/clients/connect/record.ts <url of the worker>
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { steps } from './walk.ts';
import { walk } from './walker.ts';

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error('Which worker? Give its URL.');
const folder = await mkdtemp(join(tmpdir(), 'millrace-walk-'));
await writeFile(join(folder, 'in.txt'), 'a\nbcd\n');
const answers = await walk(steps, { url, folder });
await writeFile(
  new URL('connect.golden.json', import.meta.url),
  `[\n${answers.map((answer) => JSON.stringify(answer)).join(',\n')}\n]\n`,
);
await rm(folder, { recursive: true });
process.stdout.write(`${answers.length} answers.\n`);
