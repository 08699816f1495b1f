/** `millrace check`: lets connectors look at what they would meet (connects, asks, disconnects) and prints what is missing. */
import type { Command } from 'commander';
import { counted, filesOf, rightFiles, shownFinding } from './connector-files.ts';
import { ExitCodes } from './exit-codes.ts';
import { notice, type OutputFormat, printRows, withOutput, writeData } from './io.ts';
import { liveTools, reachOf, type WorkshopFlags, withWorkshop } from './workshop.ts';

export function define(command: Command): void {
  command.argument('[path...]', 'connector files or folders of them; - is stdin (./connectors)');
  command.addHelpText('after', '\nChanges nothing. Exits with 78 when something is missing.');
  withOutput(withWorkshop(command)).action(check);
}

async function check(paths: readonly string[], options: WorkshopFlags & { output: OutputFormat }): Promise<void> {
  const [reach, { checkFile }] = await Promise.all([reachOf(options), liveTools()]);
  const files = await rightFiles(paths, reach);
  const found = await Promise.all(files.map((file) => checkFile(file, reach)));
  const findings = found.flat();
  const rows = files.flatMap((file, index): object[] =>
    found[index]!.length === 0 ? [{ connector: file.name, file: file.path, result: 'ready' }] : [...found[index]!],
  );
  if (options.output !== 'table')
    printRows(
      options.output,
      rows.map((row) => ({ ...row })),
      [],
    );
  else writeData(findings.map((finding) => `${shownFinding(finding)}\n`).join(''));
  if (findings.length > 0) {
    process.exitCode = ExitCodes.badConfiguration;
    notice(`${counted(findings.length, 'problem')} in ${filesOf(findings)}.`);
  } else if (options.output === 'table') notice(`${counted(files.length, 'connector')} ready to start.`);
}
