/** `millrace schema infer`: a JSON Schema from the last records of a topic, or from a file of JSON lines. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, withOutput, writeData } from './io.ts';
import { readText } from './json-file.ts';
import { lastRecords, type RecordOptions, withRecords } from './schema-records.ts';
import { schemaTools } from './workshop.ts';

interface Options extends RecordOptions {
  readonly output: OutputFormat;
  readonly file?: string;
  readonly title?: string;
  readonly enums?: boolean;
}

export function define(command: Command): void {
  command.argument('[topic]', 'whose last records to look at; or -t');
  command.option('--file <file>', 'JSON lines (or one JSON list) in place of a topic; - is stdin');
  command.option('--title <title>', "the schema's title (the topic's name)");
  command.option('--enums', 'make an enum of texts with few values');
  withOutput(withRecords(command)).action(infer);
}

async function infer(argument: string | undefined, options: Options): Promise<void> {
  const topic = options.topic ?? argument;
  if ((topic === undefined) === (options.file === undefined)) {
    throw new CliError('USAGE', 'Name a topic, or a file with --file.');
  }
  const { Inference } = await schemaTools();
  const title = options.title ?? topic;
  const inference = new Inference({ ...(title === undefined ? {} : { title }), enums: options.enums ?? false });
  const values =
    topic === undefined ? fromFile(options.file!) : (await lastRecords(topic, options)).map(({ value }) => value);
  const readable = values.filter((value) => value !== undefined);
  for (const value of readable) inference.add(value as Parameters<typeof inference.add>[0]);
  if (inference.count === 0) {
    throw new CliError('BAD_INPUT', `${topic ?? options.file} holds no JSON record to learn from.`);
  }
  const passedOver = values.length - readable.length;
  if (passedOver > 0) notice(`${passedOver} records are no JSON and were passed over.`);
  writeData(`${JSON.stringify(inference.schema(), null, options.output === 'jsonl' ? 0 : 2)}\n`);
  notice(`From ${inference.count} records; what they do not show, it does not know.`);
}

function fromFile(path: string): unknown[] {
  const text = readText(path);
  try {
    const whole: unknown = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    // Not one JSON text: a line each.
  }
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (error) {
        throw new CliError('BAD_INPUT', `Line ${index + 1} of ${path} is not JSON.`, { cause: error });
      }
    });
}
