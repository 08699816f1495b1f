/** `millrace test`: runs the tests beside connector files (`<name>.test.json`): records in, records out, no server. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { counted, rightFiles, shownFinding } from './connector-files.ts';
import { CliError } from './errors.ts';
import { ExitCodes } from './exit-codes.ts';
import { notice, type OutputFormat, printRows, styled, withOutput, writeData } from './io.ts';
import { readJsonObject, readText } from './json-file.ts';
import { liveTools, type Reach, reachOf, type WorkshopFlags, withWorkshop } from './workshop.ts';

interface Options extends WorkshopFlags {
  readonly output: OutputFormat;
  readonly update?: boolean;
}

interface Row {
  readonly file: string;
  readonly test: string;
  readonly result: 'passed' | 'failed' | 'updated';
  readonly diff: string;
}

export function define(command: Command): void {
  command.argument('[path...]', 'folders, connector files or their *.test.json (./connectors)');
  command.option('--update', 'write what comes out into the test files');
  withOutput(withWorkshop(command)).action(test);
}

async function test(paths: readonly string[], options: Options): Promise<void> {
  const reach = await reachOf(options);
  const files = (paths.length > 0 ? paths : ['connectors']).flatMap(testFilesOf);
  if (files.length === 0) {
    throw new CliError('NOT_FOUND', 'There are no tests.', {
      next: 'Write one beside its connector: connectors/people.test.json for connectors/people.json.',
    });
  }
  const rows: Row[] = [];
  for (const file of files) rows.push(...(await runFile(file, reach, options.update === true)));
  const failed = rows.filter(({ result }) => result === 'failed');
  if (options.output === 'table') writeData(rows.map(shownRow).join(''));
  else
    printRows(
      options.output,
      rows.map((row) => ({ ...row })),
      [],
    );
  notice(`${counted(rows.length, 'test')}, ${failed.length} failed.`);
  if (failed.length > 0) process.exitCode = ExitCodes.failed;
}

function testFilesOf(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new CliError('NOT_FOUND', `There is no file or folder ${path}.`);
  if (stat.isDirectory()) {
    const names = readdirSync(path).filter((name) => name.endsWith('.test.json'));
    return names.sort().map((name) => join(path, name));
  }
  if (path.endsWith('.test.json')) return [path];
  const beside = path.replace(/\.json$/, '.test.json');
  return existsSync(beside) ? [beside] : [];
}

async function runFile(file: string, reach: Reach, isUpdate: boolean): Promise<Row[]> {
  const { parseTests, planFile, runTest } = await liveTools();
  const tests = told(file, () => parseTests(readText(file)));
  const path = file.replace(/\.test\.json$/, '.json');
  const [connector] = await rightFiles([path], reach);
  const planned = await planFile(connector!, reach);
  if ('findings' in planned) {
    for (const finding of planned.findings) notice(shownFinding(finding));
    throw new CliError('BAD_CONFIGURATION', `${path} cannot be tested as it is.`);
  }
  const rows: Row[] = [];
  const outputs: object[] = [];
  for (const each of tests) {
    const { name, passed, diff, actual } = await runTest(planned.plan, each);
    outputs.push(actual);
    rows.push({ file, test: name, result: passed ? 'passed' : isUpdate ? 'updated' : 'failed', diff });
  }
  if (isUpdate && rows.some(({ result }) => result === 'updated')) {
    const document = readJsonObject(file) as { tests: object[] };
    const renewed = document.tests.map((each, index) =>
      rows[index]!.result === 'updated' ? { ...each, output: outputs[index] } : each,
    );
    writeFileSync(file, `${JSON.stringify({ ...document, tests: renewed }, null, 2)}\n`);
  }
  return rows;
}

function told<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CliError('BAD_CONFIGURATION', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function shownRow({ file, test: name, result, diff }: Row): string {
  const head = `${result === 'failed' ? styled('red', result) : result}  ${file}: ${name}\n`;
  return result === 'failed' ? `${head}${diff.replace(/^/gm, '    ')}\n` : head;
}
