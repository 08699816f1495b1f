/**
 * What `dlq replay` may do to a letter before it goes back: CEL assignments, a JSON Patch (RFC 6902), a merge patch
 * (RFC 7396). Pure; a letter nobody edits keeps its bytes.
 */
import { isUtf8 } from 'node:buffer';
import { parseJson, stringifyJson } from '../../connectors/api/index.ts';
import { CliError } from '../errors.ts';
import type { CliRecord } from '../record-json.ts';
import { type Cel, celProblem, openCel } from '../workshop.ts';
import type { DeadLetter } from './letters.ts';

/** What expressions see. */
interface Context {
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly timestamp: number;
  readonly error: {
    readonly connector: string;
    readonly stage: string;
    readonly class: string;
    readonly message: string;
  };
}

export type Condition = (letter: DeadLetter) => boolean;
export type Edit = (context: Context) => Context;
type Json = unknown;

/** Letters have any shape, so that no name is refused. */
let cel: Cel | undefined;

function compiled(text: string, what: string): (context: Context) => unknown {
  cel ??= openCel(null);
  try {
    const program = cel.parse(text);
    return (context) => program.evaluate({ ...context });
  } catch (error) {
    throw new CliError('USAGE', `${what} is no CEL expression: it ${celProblem(text, error)}`, {
      next: 'Names are key, value, headers, topic, partition, offset, timestamp and error (connector, stage, class, message).',
    });
  }
}

/** `--where`: true where the expression says so; a field that is not there is a no. */
export function conditionOf(text: string): Condition {
  const expression = compiled(text, '--where');
  return (letter) => {
    try {
      return expression(contextOf(letter)) === true;
    } catch {
      return false;
    }
  };
}

const ASSIGNMENT = /^\s*(key|value|headers|topic)((?:\.[\w$-]+|\[\d+\]|\["[^"]+"\])*)\s*=(?!=)\s*([\s\S]+)$/;

/** `--set 'value.amount = double(value.amount)'` */
export function assignmentOf(text: string): Edit {
  const match = ASSIGNMENT.exec(text);
  if (match === null) {
    throw new CliError('USAGE', `"${text}" is no assignment.`, {
      next: "Write for example --set 'value.amount = double(value.amount)' or --set 'headers.fixed = \"yes\"'.",
    });
  }
  const path = [...match[2]!.matchAll(/\.([\w$-]+)|\[(\d+)\]|\["([^"]+)"\]/g)].map(([, name, index, quoted]) =>
    index === undefined ? (name ?? quoted!) : Number(index),
  );
  const expression = compiled(match[3]!, `--set ${text}`);
  const root = match[1] as 'key' | 'value' | 'headers' | 'topic';
  return (context) => {
    const result = expression(context);
    return { ...context, [root]: path.length === 0 ? result : assigned(context[root], path, result) };
  };
}

/** A copy with one place set; what is missing on the way becomes an object. */
function assigned(target: Json, [step, ...rest]: readonly (string | number)[], value: Json): Json {
  if (step === undefined) return value;
  if (Array.isArray(target) && typeof step === 'number') {
    return target.map((each, index) => (index === step ? assigned(each, rest, value) : each));
  }
  if (typeof target === 'object' && target !== null && !Array.isArray(target)) {
    const fields = target as Readonly<Record<string, Json>>;
    return { ...fields, [step]: assigned(fields[step], rest, value) };
  }
  if (target === undefined) return { [step]: assigned(undefined, rest, value) };
  throw new Error(`There is no "${step}" to set in ${stringifyJson(target)}.`);
}

/** `--patch FILE`: a list is a JSON Patch of the value, an object a merge patch. */
export function patchOf(patch: Json, where: string): Edit {
  if (Array.isArray(patch)) {
    const steps = patch.map((each, index) => patchStep(each as PatchStep, `${where}: step ${index + 1}`));
    return (context) => ({ ...context, value: steps.reduce((value, step) => step(value), context.value) });
  }
  if (typeof patch === 'object' && patch !== null) {
    return (context) => ({ ...context, value: merged(context.value, patch) });
  }
  throw new CliError('BAD_INPUT', `${where} is no patch.`, { next: 'Write [{"op": …}] or {"field": newValue}.' });
}

interface PatchStep {
  readonly op?: string;
  readonly path?: string;
  readonly value?: Json;
}

function patchStep({ op, path, value }: PatchStep, where: string): (target: Json) => Json {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) {
    throw new CliError('BAD_INPUT', `${where} has no "path" that begins with /.`);
  }
  const steps = path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (op === 'add' || op === 'replace' || op === 'remove') return (target) => patched(target, steps, op, value);
  if (op === 'test') {
    return (target) => {
      const found = steps.reduce<Json>((at, step) => (at as Record<string, Json> | undefined)?.[step], target);
      if (stringifyJson(found) === stringifyJson(value)) return target;
      throw new Error(`The test of ${path} failed: it is ${stringifyJson(found) ?? 'not there'}.`);
    };
  }
  throw new CliError('BAD_INPUT', `${where} has the op ${JSON.stringify(op)}.`, {
    next: 'Use add, remove, replace or test.',
  });
}

function patched(target: Json, steps: readonly string[], op: 'add' | 'replace' | 'remove', value: Json): Json {
  if (steps.length === 0) return op === 'remove' ? null : value;
  const root = structuredClone(target);
  const last = steps.at(-1)!;
  const holder = steps.slice(0, -1).reduce<Json>((at, step) => (at as Record<string, Json> | undefined)?.[step], root);
  const isThere = typeof holder === 'object' && holder !== null;
  if (!isThere || (op !== 'add' && !(last in holder))) {
    throw new Error(`There is nothing at /${steps.join('/')} to ${op}.`);
  }
  if (Array.isArray(holder)) {
    const index = last === '-' ? holder.length : Number(last);
    if (!(index >= 0 && index <= holder.length)) throw new Error(`A list of ${holder.length} has no place ${last}.`);
    holder.splice(index, op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]));
  } else if (op === 'remove') delete (holder as Record<string, Json>)[last];
  else (holder as Record<string, Json>)[last] = value;
  return root;
}

function merged(target: Json, patch: object): Json {
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, Json> = isObject ? { ...(target as Record<string, Json>) } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else
      result[key] = typeof value === 'object' && !Array.isArray(value) ? merged(result[key], value as object) : value;
  }
  return result;
}

export interface Edited extends CliRecord {
  readonly topic: string | null;
}

/** The letter's original record after the edits. Throws with a sentence where an edit cannot be made. */
export function editedRecord(letter: DeadLetter, edits: readonly Edit[]): Edited {
  const { original } = letter;
  if (edits.length === 0) return original;
  const before = contextOf(letter);
  const after = edits.reduce((context, edit) => edit(context), before);
  return {
    topic: after.topic,
    key: after.key === before.key ? original.key : written(after.key, original.key),
    value: after.value === before.value ? original.value : written(after.value, original.value),
    headers: after.headers === before.headers ? original.headers : headersOf(after.headers, original.headers),
    timestamp: original.timestamp,
  };
}

function contextOf({ original, cause }: DeadLetter): Context {
  const { topic, partition, offset, timestamp } = original;
  const { connector, stage, error, message } = cause;
  return {
    key: read(original.key).value,
    value: read(original.value).value,
    headers: Object.fromEntries(
      original.headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()]),
    ),
    topic,
    partition,
    offset,
    timestamp,
    error: { connector, stage, class: error, message },
  };
}

interface ReadBytes {
  readonly value: unknown;
  readonly isJson: boolean;
  /** Magic byte and schema id of a registry, kept as they are. */
  readonly prefix: Buffer;
}

/** JSON where it is, else text, else base64 in an object. */
function read(bytes: Uint8Array | null): ReadBytes {
  const none = Buffer.alloc(0);
  if (bytes === null) return { value: null, isJson: true, prefix: none };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const length of buffer[0] === 0 && buffer.length > 5 ? [5] : [0]) {
    try {
      return { value: parseJson(buffer.subarray(length)), isJson: true, prefix: buffer.subarray(0, length) };
    } catch {
      // Not JSON: text or bytes.
    }
  }
  const value = isUtf8(buffer) ? buffer.toString() : { base64: buffer.toString('base64') };
  return { value, isJson: false, prefix: none };
}

/** Text stays text where it was none of JSON; everything else is JSON, behind the prefix it had. */
function written(value: unknown, before: Uint8Array | null): Uint8Array | null {
  if (value === null || value === undefined) return null;
  const { isJson, prefix } = read(before);
  if (typeof value === 'string' && !isJson) return Buffer.from(value);
  return Buffer.concat([prefix, Buffer.from(stringifyJson(value))]);
}

/** Headers that an edit set or took away; the others stand as they were, repetitions included. */
function headersOf(after: Context['headers'], before: CliRecord['headers']): CliRecord['headers'] {
  const textOf = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString());
  const kept = before.filter(({ key, value }) => key in after && after[key] === textOf(value));
  const added = Object.entries(after).filter(([key, value]) => {
    return value !== null && !before.some((header) => header.key === key && textOf(header.value) === value);
  });
  return [...kept, ...added.map(([key, value]) => ({ key, value: Buffer.from(String(value)) }))];
}
