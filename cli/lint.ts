/** `millrace lint`: judges connector files against the declarations of their keys; needs no running worker. */
import type { Command } from 'commander';
import { counted, filesOf, readTexts, shownFinding } from './connector-files.ts';
import { ExitCodes } from './exit-codes.ts';
import { notice, type OutputFormat, printRows, withOutput, writeData } from './io.ts';
import { rulesOf, tools, type WorkshopFlags, withWorkshop } from './workshop.ts';

export function define(command: Command): void {
  command.argument('[path...]', 'connector files or folders of them; - is stdin (./connectors)');
  command.addHelpText('after', '\nExits with 78 when something is wrong, 0 when there are only warnings or nothing.');
  withOutput(withWorkshop(command)).action(lint);
}

async function lint(paths: readonly string[], options: WorkshopFlags & { output: OutputFormat }): Promise<void> {
  const [rules, { lint: judge }] = await Promise.all([rulesOf(options), tools()]);
  const { files, findings } = judge(await readTexts(paths), rules);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (options.output !== 'table')
    printRows(
      options.output,
      findings.map((finding) => ({ ...finding })),
      [],
    );
  else writeData(findings.map((finding) => `${shownFinding(finding)}\n`).join(''));
  if (errors.length > 0) {
    process.exitCode = ExitCodes.badConfiguration;
    notice(`${counted(errors.length, 'fault')} in ${filesOf(errors)}.`);
  } else if (options.output === 'table') notice(`${counted(files.length, 'connector')}, nothing wrong.`);
}
