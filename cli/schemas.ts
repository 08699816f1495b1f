/**
 * What the `schema` commands share: paths and shapes of Confluent's registry API, and schemas from files or subjects.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CliError } from './errors.ts';
import { readText } from './json-file.ts';
import { ask, type RegistryOptions } from './registry.ts';

/** `schemaType` is absent for Avro, Confluent's historical default. */
export interface RegisteredVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schemaType?: string;
  readonly schema: string;
  readonly references?: readonly Reference[];
}

export interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** The path of a subject, and of something below it. */
export function subjectPath(subject: string, below = ''): string {
  return `subjects/${encodeURIComponent(subject)}${below}`;
}

export interface SchemaBody {
  readonly schemaType: 'JSON' | 'AVRO';
  readonly schema: string;
  readonly references?: readonly Reference[];
}

/** The body of a register or check request from a file, refused here when it is no JSON at all. */
export function schemaBody(path: string, options: BodyOptions = {}): SchemaBody {
  const schema = readText(path);
  try {
    JSON.parse(schema);
  } catch (error) {
    throw new CliError('BAD_CONFIGURATION', `${path} is not valid JSON, so it is no schema.`, { cause: error });
  }
  const references = (options.reference ?? []).map(referenceOf);
  return { schemaType: typeOf(options.type, path), schema, ...(references.length === 0 ? {} : { references }) };
}

export interface BodyOptions {
  /** JSON or AVRO; absent: by the file's name. */
  readonly type?: string;
  /** `name=subject:version`. */
  readonly reference?: readonly string[];
}

/** Declares `--type` and `--reference`. */
export const collectReference = (text: string, all: readonly string[] = []): string[] => [...all, text];

function typeOf(type: string | undefined, path: string): 'JSON' | 'AVRO' {
  const wanted = type?.toUpperCase() ?? (/\.(avsc|avro)$/.test(path) ? 'AVRO' : 'JSON');
  if (wanted === 'JSON' || wanted === 'AVRO') return wanted;
  throw new CliError('USAGE', `"${type}" is no schema type.`, { next: 'Use JSON or AVRO.' });
}

function referenceOf(text: string): Reference {
  const match = /^(.+?)=(.+):(\d+|latest)$/.exec(text);
  if (match === null)
    throw new CliError('USAGE', `"${text}" is no reference.`, { next: 'Write name=subject:version.' });
  const [, name = '', subject = '', version = ''] = match;
  return { name, subject, version: version === 'latest' ? -1 : Number(version) };
}

/** A schema with what its references mean. */
export interface SchemaSource {
  /** The file, or subject and version. */
  readonly label: string;
  readonly subject: string;
  readonly id: number | null;
  readonly text: string;
  readonly references: readonly { readonly name: string; readonly text: string }[];
}

/** A file (`-` is stdin), whose relative `$ref`s are files beside it, or `subject` or `subject@version` of the registry. */
export async function sourceOf(argument: string, options: RegistryOptions): Promise<SchemaSource> {
  if (argument === '-' || existsSync(argument) || /[/\\]|\.(json|jsonc|schema)$/.test(argument))
    return fileSource(argument);
  const at = argument.lastIndexOf('@');
  const [subject, version] = at < 1 ? [argument, 'latest'] : [argument.slice(0, at), argument.slice(at + 1)];
  const found = (await ask(
    options,
    'GET',
    subjectPath(subject, `/versions/${encodeURIComponent(version)}`),
  )) as RegisteredVersion;
  if (found.schemaType !== 'JSON') {
    throw new CliError(
      'BAD_INPUT',
      `${subject} version ${found.version} is ${found.schemaType ?? 'AVRO'}, not JSON Schema.`,
    );
  }
  return {
    label: `${subject}@${found.version}`,
    subject,
    id: found.id,
    text: found.schema,
    references: await referencedTexts(found.references ?? [], options),
  };
}

/** More is a mistake, or a circle. */
const REFERENCES_MAX = 500;

async function referencedTexts(references: readonly Reference[], options: RegistryOptions) {
  const texts = new Map<string, string>();
  const waiting = [...references];
  for (let next = waiting.shift(); next !== undefined && texts.size < REFERENCES_MAX; next = waiting.shift()) {
    if (texts.has(next.name)) continue;
    const path = subjectPath(next.subject, `/versions/${next.version}?deleted=true`);
    const found = (await ask(options, 'GET', path)) as RegisteredVersion;
    texts.set(next.name, found.schema);
    waiting.push(...(found.references ?? []));
  }
  return [...texts].map(([name, text]) => ({ name, text }));
}

/** A schema from a file; what its relative `$ref`s name is read from beside it. */
export function fileSource(path: string): SchemaSource {
  const text = readText(path);
  const texts = new Map<string, string>();
  const follow = (from: string, content: string): void => {
    for (const name of refsIn(content, from)) {
      const file = resolve(dirname(from), name);
      if (texts.has(name) || texts.size >= REFERENCES_MAX || !existsSync(file)) continue;
      const found = readText(file);
      texts.set(name, found);
      follow(file, found);
    }
  };
  if (path === '-') parsedFile(text, path);
  else follow(path, text);
  const base = path.replace(/^.*[/\\]/, '').replace(/(\.schema)?\.(json|jsonc|schema)$/, '');
  return {
    label: path,
    subject: base === '-' ? 'schema' : base,
    id: null,
    text,
    references: [...texts].map(([name, each]) => ({ name, text: each })),
  };
}

function parsedFile(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError('BAD_CONFIGURATION', `${path} is not valid JSON, so it is no schema.`, { cause: error });
  }
}

/** The documents that `$ref`s name by a path, without fragments. */
function refsIn(text: string, path: string): Set<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const ref = (value as { $ref?: unknown }).$ref;
    const place = typeof ref === 'string' ? ref.split('#')[0]! : '';
    if (place !== '' && !/^[a-z][a-z0-9+.-]*:/i.test(place)) names.add(place);
    for (const each of Object.values(value)) visit(each);
  };
  visit(parsedFile(text, path));
  return names;
}

/** The reasons in a registry's refusal, as people read them: `TYPE_NARROWED: The new schema takes only integers …`. */
export function reasonsIn(refusal: string): string[] {
  const found = refusal.matchAll(/\{errorType:(["'])(\w+)\1, description:\1(.*?)\1(?:, additionalInfo:.*?)?\}/g);
  const version = /\{oldSchemaVersion: (\d+)\}/.exec(refusal)?.[1];
  const sound = /\{sound: '(.*?)'\}/.exec(refusal)?.[1];
  return [
    ...(version === undefined ? [] : [`Against version ${version}:`]),
    ...[...found].map(([, , type, description]) => `  ${type}: ${description}`),
    ...(sound === undefined ? [] : [`  ${sound}`]),
  ];
}
