/** Finds and reads the connector files that a command was given: files, folders of them, or stdin. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from './errors.ts';
import { notice, styled } from './io.ts';
import { readText } from './json-file.ts';
import { type ConnectorFile, type Finding, type Rules, tools } from './workshop.ts';

/** The folder that commands look into when they are given none. */
const FOLDER_DEFAULT = 'connectors';

/** The texts behind the paths, in the order of their names. NOT_FOUND where there is nothing. */
export async function readTexts(paths: readonly string[]): Promise<{ path: string; text: string }[]> {
  const { isConnectorFile } = await tools();
  const given = paths.length > 0 ? paths : [FOLDER_DEFAULT];
  const files = given.flatMap((path) => {
    if (path === '-') return [path];
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      const next = paths.length > 0 ? 'Check the path.' : 'Name the folder or the files: millrace lint my-connectors/';
      throw new CliError('NOT_FOUND', `There is no file or folder ${path}.`, { next });
    }
    if (!stat.isDirectory()) return [path];
    const found = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isFile() && isConnectorFile(entry.name))
      .map(({ name }) => join(path, name))
      .sort();
    if (found.length === 0) notice(`${path} holds no *.json file.`);
    return found;
  });
  return files.map((path) => ({ path: path === '-' ? '<stdin>' : path, text: readText(path) }));
}

/** Reads and judges; what is wrong is told on stderr and ends the command. For commands that need right files. */
export async function rightFiles(paths: readonly string[], rules: Rules): Promise<readonly ConnectorFile[]> {
  const { lint } = await tools();
  const { files, findings } = lint(await readTexts(paths), rules);
  const errors = findings.filter(({ severity }) => severity === 'error');
  for (const finding of findings) notice(shownFinding(finding));
  if (errors.length === 0) return files;
  const hasUnknownClass = errors.some(({ key }) => key === 'connector.class');
  throw new CliError('BAD_CONFIGURATION', `${counted(errors.length, 'fault')} in ${filesOf(errors)}.`, {
    next: hasUnknownClass
      ? 'Correct what is listed above, or name the plugin as the worker was given it: --plugin PATH, --config FILE.'
      : 'Correct what is listed above; `millrace lint` shows it again.',
  });
}

/** One finding as compilers print it, so that editors and terminals make a link of it. */
export function shownFinding({ file, line, column, severity, message }: Finding): string {
  const word = severity === 'error' ? styled('red', 'error') : severity;
  return `${file}:${line}:${column}: ${word}: ${message}`;
}

export function filesOf(findings: readonly Finding[]): string {
  return counted(new Set(findings.map(({ file }) => file)).size, 'file');
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
