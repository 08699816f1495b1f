/** `millrace schema lint`: faults of JSON Schemas (78), and what they will be sorry for later; needs no registry. */
import type { Command } from 'commander';
import { ExitCodes } from './exit-codes.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { type RegistryOptions, withRegistry } from './registry.ts';
import { sourceOf } from './schemas.ts';
import { schemaTools } from './workshop.ts';

interface Options extends RegistryOptions {
  readonly output: OutputFormat;
  readonly strict?: boolean;
}

export function define(command: Command): void {
  command.argument('<source...>', 'files (- is stdin), subjects or subject@version');
  command.option('--strict', 'warnings count as faults');
  command.addHelpText('after', '\nExits with 78 when something is wrong, 0 when there are only warnings or nothing.');
  withOutput(withRegistry(command)).action(lint);
}

async function lint(sources: readonly string[], options: Options): Promise<void> {
  const { lintSchema, schemaProblem } = await schemaTools();
  const findings = [];
  for (const argument of sources) {
    const source = await sourceOf(argument, options);
    const problem = await schemaProblem(source);
    if (problem !== null) {
      findings.push({ source: source.label, severity: 'error', rule: 'invalid', path: '#', message: problem });
    } else {
      const severity = options.strict === true ? 'error' : 'warning';
      findings.push(...lintSchema(source.text).map((finding) => ({ source: source.label, severity, ...finding })));
    }
  }
  if (findings.length > 0 || options.output !== 'table') {
    printRows(options.output, findings, ['source', 'severity', 'rule', 'path', 'message']);
  }
  const faults = findings.filter(({ severity }) => severity === 'error').length;
  if (faults > 0) process.exitCode = ExitCodes.badConfiguration;
  if (faults > 0 || options.output === 'table') {
    const warnings = findings.length - faults;
    notice(`${faults} faults, ${warnings} warnings in ${sources.length} schemas.`);
  }
}
