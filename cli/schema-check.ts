/**
 * `millrace schema check`: would this schema be accepted as the next version of a subject, and do real records fit it?
 *
 * Asks the registry; with `--against` nobody: then the files named stand for the versions, for CI without a network.
 */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printObject, withOutput, writeData } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { lastRecords, type RecordOptions, withRecords } from './schema-records.ts';
import { type BodyOptions, collectReference, fileSource, reasonsIn, schemaBody, sourceOf } from './schemas.ts';
import { schemaTools, schemaValidator } from './workshop.ts';

interface Options extends RegistryOptions, RecordOptions, BodyOptions {
  readonly output: OutputFormat;
  readonly against?: readonly string[];
  readonly level: string;
  readonly policy: string;
}

/** Records shown that do not fit; the rest is counted. */
const SHOWN_MAX = 5;

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  command.argument('<file>', 'a JSON Schema; - is stdin');
  command.option('--against <file|subject@version>', 'an earlier version, oldest first; may repeat', collectReference);
  command.option('--level <level>', 'with --against: the compatibility level', 'BACKWARD');
  command.option('--policy <policy>', 'with --against: STRICT or LENIENT', 'STRICT');
  command.option('--type <type>', 'JSON or AVRO (by the file name, else JSON)');
  command.option('--reference <name=subject:version>', 'what a $ref means; may repeat', collectReference);
  command.addHelpText('after', '\nExits with 0 when the schema may follow and all records fit, 1 when not.');
  withOutput(withRecords(withRegistry(command))).action(check);
}

async function check(subject: string, file: string, options: Options): Promise<void> {
  const verdict = options.against === undefined ? await asked(subject, file, options) : await offline(file, options);
  const records = options.topic === undefined ? null : await tried(file, options.topic, options);
  print(options.output, { subject, ...verdict, ...records });
  if (!verdict.compatible) {
    throw new CliError('FAILED', `${file} is not compatible with ${subject}.`, {
      next: 'Change the schema as the messages say, or lower the compatibility level of the subject.',
    });
  }
  if (records !== null && records.refused > 0) {
    throw new CliError('FAILED', `${records.refused} of the last ${records.records} records do not fit ${file}.`, {
      next: 'Widen the schema, or correct who writes them.',
    });
  }
}

/** People read the reasons as sentences; what goes to programs is the registry's own. */
function print(output: OutputFormat, answer: Verdict & Record<string, unknown>): void {
  if (output !== 'table') {
    printObject(output, answer);
    return;
  }
  const { messages, sound, examples, ...rest } = answer;
  const reasons = reasonsIn(messages.join(' '));
  const isTold = reasons.some((reason) => reason.includes(String(sound)));
  printObject(output, { ...rest, ...(sound === undefined || isTold ? {} : { sound }) });
  // Whatever has another form is shown as it came.
  const lines = reasons.length > 0 ? reasons : messages;
  for (const line of [...lines, ...((examples as readonly string[] | undefined) ?? [])]) writeData(`${line}\n`);
}

interface Verdict {
  readonly compatible: boolean;
  readonly messages: readonly string[];
  /** What happens to records, whatever the rules of compatibility say: the one that breaks, where there is one. */
  readonly sound?: unknown;
}

async function asked(subject: string, file: string, options: Options): Promise<Verdict> {
  const path = `compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`;
  const answer = (await ask(options, 'POST', path, schemaBody(file, options))) as {
    readonly is_compatible: boolean;
    readonly messages?: readonly string[];
    /** Ours; another registry has none. */
    readonly sound?: Parameters<Awaited<ReturnType<typeof schemaTools>>['soundLine']>[0];
  };
  const { is_compatible: compatible, messages = [], sound } = answer;
  if (sound === undefined) return { compatible, messages };
  const { soundLine } = await schemaTools();
  return { compatible, messages, sound: options.output === 'table' ? soundLine(sound) : sound };
}

async function offline(file: string, options: Options): Promise<Verdict> {
  const { offlineMessages, offlineSound, COMPATIBILITY_LEVELS, COMPATIBILITY_POLICIES } = await schemaTools();
  const level = oneOf(COMPATIBILITY_LEVELS, options.level, '--level');
  const policy = oneOf(COMPATIBILITY_POLICIES, options.policy, '--policy');
  const earlier = await Promise.all((options.against ?? []).map((each) => sourceOf(each, options)));
  const next = fileSource(file);
  const messages = await offlineMessages(next, earlier, level, policy).catch((error: Error) => {
    throw new CliError('BAD_CONFIGURATION', error.message, { cause: error.cause });
  });
  return { compatible: messages.length === 0, messages, sound: await offlineSound(next, earlier, level) };
}

function oneOf<T extends string>(known: readonly T[], text: string, flag: string): T {
  const found = known.find((each) => each === text.toUpperCase());
  if (found !== undefined) return found;
  throw new CliError('USAGE', `${flag}: "${text}" is unknown.`, { next: `Use one of ${known.join(', ')}.` });
}

/** The schema tried on real records, before anybody else meets it. */
async function tried(file: string, topic: string, options: Options) {
  const { text, references } = fileSource(file);
  const validate = await schemaValidator(text, references).catch((error: Error) => {
    throw new CliError('BAD_CONFIGURATION', error.message, { cause: error.cause });
  });
  const records = await lastRecords(topic, options);
  const problems: string[] = [];
  for (const { place, value } of records) {
    try {
      if (value === undefined) throw new Error('It is no JSON.');
      validate(value);
    } catch (error) {
      problems.push(`${place}: ${(error as Error).message}`);
    }
  }
  return { records: records.length, refused: problems.length, examples: problems.slice(0, SHOWN_MAX) };
}
