/**
 * Runs one command line: picks the command, parses its options, prints what went wrong, sets the exit code.
 *
 * The only place that prints errors and the only one that decides exit codes; commands throw.
 */
import { Command, CommanderError } from 'commander';
import { aliases, type CommandEntry, commands, groups } from './commands.ts';
import { CliError, causes, isUnreachable } from './errors.ts';
import { type ExitCode, ExitCodes } from './exit-codes.ts';
import { notice, onClosedPipe, styled } from './io.ts';
import { packageVersion } from './package-version.ts';

/** Runs the command line without the program's name, for example `['topic', 'ls']`. Sets `process.exitCode`. */
export async function run(argv: readonly string[]): Promise<void> {
  try {
    await dispatch(argv);
  } catch (error) {
    process.exitCode = report(error, argv);
  }
}

async function dispatch(argv: readonly string[]): Promise<void> {
  const { name, entry, rest } = pick(argv);
  onClosedPipe(entry?.isServer ? () => undefined : () => process.exit(ExitCodes.ok));
  if (entry === undefined) {
    await overview(name).parseAsync([...rest], { from: 'user' });
    return;
  }
  const module = await entry.load();
  const command = new Command(`millrace ${name}`).description(`${entry.summary}.`);
  command.option('--verbose', 'print the stack trace of an error');
  module.define(command);
  await prepared(command).parseAsync([...rest], { from: 'user' });
}

interface Picked {
  readonly name: string;
  /** Absent: the words name a group, nothing, or nothing we know. */
  readonly entry: CommandEntry | undefined;
  readonly rest: readonly string[];
}

function pick(argv: readonly string[]): Picked {
  const words = argv.slice(0, 2).map((word) => aliases[word] ?? word);
  const pair = words.join(' ');
  if (words.length === 2 && commands[pair] !== undefined)
    return { name: pair, entry: commands[pair], rest: argv.slice(2) };
  const first = words[0] ?? '';
  if (commands[first] !== undefined) return { name: first, entry: commands[first], rest: argv.slice(1) };
  if (groups[first] !== undefined) return { name: first, entry: undefined, rest: argv.slice(1) };
  return { name: '', entry: undefined, rest: argv };
}

/** The program (or one group of it) without any command's code: good for help, version and "did you mean". */
function overview(group: string): Command {
  const program = prepared(new Command(group === '' ? 'millrace' : `millrace ${group}`));
  program.description(group === '' ? 'Moves data between systems through a log, in one process.' : `${groups[group]}.`);
  if (group === '') {
    program.version(packageVersion(), '--version');
    program.addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unreachable, 5 refused, 6 conflict,\n78 bad configuration, 124 timeout, 130 interrupted.',
    );
  }
  for (const [name, entry] of Object.entries(commands)) {
    const [noun, verb] = name.split(' ');
    if (group === '' && verb === undefined) prepared(program.command(name).description(entry.summary));
    if (group !== '' && noun === group) prepared(program.command(verb!).description(entry.summary));
  }
  if (group === '') for (const [noun, sentence] of Object.entries(groups)) program.command(noun).description(sentence);
  return program;
}

/** Makes commander throw rather than exit, and keeps stdout for data. */
function prepared(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError(true);
}

/** Prints what went wrong and answers the exit code. */
function report(error: unknown, argv: readonly string[]): ExitCode {
  if (error instanceof CommanderError) return reportUsage(error);
  const known = error instanceof CliError ? error : wrap(error);
  const sentences = causes(known.cause);
  if (wantsJson(argv)) {
    const { code, message, next } = known;
    notice(JSON.stringify({ error: { code, message, cause: sentences, next } }));
  } else {
    notice(`${styled('red', 'millrace:')} ${known.message}`);
    for (const sentence of sentences) if (!known.message.includes(sentence)) notice(`  cause: ${sentence}`);
    if (known.next !== null) notice(`  next: ${known.next}`);
  }
  if (argv.includes('--verbose') && error instanceof Error) notice(styled('dim', error.stack ?? ''));
  return known.exitCode;
}

function wrap(error: unknown): CliError {
  const sentence = causes(error)[0] ?? 'Something failed without saying why.';
  if (isUnreachable(error)) {
    return new CliError('UNREACHABLE', sentence, {
      next: 'Is Millrace running? Start it with: millrace up',
      cause: error,
    });
  }
  return new CliError('FAILED', sentence, {
    next: 'Run the command again with --verbose for the stack trace.',
    cause: error,
  });
}

function reportUsage(error: CommanderError): ExitCode {
  // Commander "fails" for --help and --version too, after printing them on stdout.
  if (error.exitCode === 0) return ExitCodes.ok;
  if (error.code !== 'commander.help') notice(`${styled('red', 'millrace:')} ${error.message.replace(/^error: /, '')}`);
  notice('  next: add --help to see what this command takes.');
  return ExitCodes.usage;
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      /^--output=json/.test(word) || (/^(--output|-O)$/.test(word) && /^json/.test(argv[index + 1] ?? '')),
  );
}
