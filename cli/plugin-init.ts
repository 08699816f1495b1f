/** `millrace plugin init`: a folder with a plugin that works, its test, and a README whose table comes from its keys. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { keyTable } from '../connectors/api/index.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, withOutput } from './io.ts';
import { packageVersion } from './package-version.ts';
import { commonFiles, KEYS_MARK } from './plugin-templates/common.ts';
import { sinkFiles } from './plugin-templates/sink.ts';
import { sourceFiles } from './plugin-templates/source.ts';
import { transformFiles } from './plugin-templates/transform.ts';
import { loadedRules } from './workshop.ts';

const kinds = { source: sourceFiles, sink: sinkFiles, transform: transformFiles } as const;
type Kind = keyof typeof kinds;

export function define(command: Command): void {
  command.argument('<name>', 'the folder to make; its last part names the plugin, in kebab-case');
  command.option('--kind <kind>', `what it is: ${Object.keys(kinds).join(', ')}`, parseKind, 'source');
  withOutput(command).action(init);
}

function parseKind(text: string): Kind {
  if (text in kinds) return text as Kind;
  throw new CliError('USAGE', `"${text}" is no kind of plugin.`, {
    next: `Use one of ${Object.keys(kinds).join(', ')}.`,
  });
}

async function init(path: string, { kind, output }: { kind: Kind; output: OutputFormat }): Promise<void> {
  const folder = resolve(path);
  const name = basename(folder);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new CliError('USAGE', `"${name}" is no name for a plugin.`, {
      next: 'Use lower-case words with hyphens: weather-source.',
    });
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CliError('CONFLICT', `${path} exists and is not empty.`, {
      next: 'Choose another name, or empty it first.',
    });
  }
  const className = name.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
  const files = { ...commonFiles(name, className, kind, packageVersion()), ...kinds[kind](name, className) };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  await fillReadme(folder, className);
  printObject(output, { plugin: className, kind, folder: path, files: Object.keys(files).sort().join(', ') });
  notice(`Next: cd ${path} && millrace plugin test && millrace plugin dev`);
}

/** The table of keys, from the declaration just written. */
async function fillReadme(folder: string, className: string): Promise<void> {
  const { plugins } = await loadedRules({ plugin: [folder] });
  const readme = join(folder, 'README.md');
  const text = readFileSync(readme, 'utf8').replace(KEYS_MARK, `\n${keyTable(plugins.any(className)!.config)}\n`);
  writeFileSync(readme, text);
}
