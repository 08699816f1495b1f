/**
 * Qualified subject names: `:.context:subject`, or just `subject` in the default context.
 *
 * Pure. A context is a namespace for subjects and ids; its name starts with a dot, the default one is the dot alone.
 */
import { errors } from './errors.ts';

export const DEFAULT_CONTEXT = '.';
/** The context whose configuration and mode count for every context that has none. */
export const GLOBAL_CONTEXT = '.__GLOBAL';
/** As a prefix in `subjectPrefix`: every context. */
export const ALL_CONTEXTS_PREFIX = ':*:';
const RESERVED = new Set(['__GLOBAL', '__EMPTY']);
/** Kafka's topic names end at 249; subjects may add a record name. */
const LONGEST_SUBJECT = 1000;

export interface SubjectName {
  readonly context: string;
  /** Empty where the name means the context itself. */
  readonly subject: string;
}

/** Takes a name apart. `:.ctx:` and `:.ctx` (the context itself) have an empty subject. */
export function parseSubjectName(name: string): SubjectName {
  if (!name.startsWith(':.')) return { context: DEFAULT_CONTEXT, subject: name };
  const end = name.indexOf(':', 2);
  if (end < 0) return { context: name.slice(1), subject: '' };
  return { context: name.slice(1, end), subject: name.slice(end + 1) };
}

export function qualifiedName({ context, subject }: SubjectName): string {
  return context === DEFAULT_CONTEXT ? subject : `:${context}:${subject}`;
}

/** The one spelling of a subject's name: the default context is never written out. */
export function canonicalName(name: string): string {
  return name.startsWith(':.') ? qualifiedName(parseSubjectName(name)) : name;
}

export function contextOf(name: string): string {
  return parseSubjectName(name).context;
}

/** A name as used inside `context`: qualified unless it already is. */
export function inContext(context: string, name: string): string {
  return name.startsWith(':.') ? canonicalName(name) : qualifiedName({ context, subject: name });
}

/** Throws 42208 for a subject nobody may register under. */
export function assertValidSubject(name: string): void {
  const { context, subject } = parseSubjectName(name);
  if (subject === '') throw errors.invalidSubject(name, 'it is empty.');
  if (context === GLOBAL_CONTEXT) throw errors.invalidSubject(name, 'its context is for configuration and mode only.');
  assertValidScope(name);
}

/** Throws 42208 for a name that can have no configuration and no mode; a context alone (`:.ctx:`) can. */
export function assertValidScope(name: string): void {
  const { context, subject } = parseSubjectName(name);
  if (name.length > LONGEST_SUBJECT)
    throw errors.invalidSubject(name, `it is longer than ${LONGEST_SUBJECT} characters.`);
  if (RESERVED.has(subject)) throw errors.invalidSubject(name, 'the name is reserved.');
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f) throw errors.invalidSubject(name, 'it holds a control character.');
  }
  assertValidContext(context);
}

/** Throws 400 for a context's name that is not a dot and word characters. */
export function assertValidContext(context: string): void {
  if (!/^\.[\p{L}\p{N}_.-]*$/u.test(context)) {
    throw errors.badRequest(`'${context}' is not a context: a dot, then letters, digits, '_', '-' and '.'.`);
  }
}

/** Whether a qualified name matches a `subjectPrefix`, which may be qualified itself or mean all contexts. */
export function matchesPrefix(name: string, prefix: string): boolean {
  if (prefix.startsWith(ALL_CONTEXTS_PREFIX)) {
    return parseSubjectName(name).subject.startsWith(prefix.slice(ALL_CONTEXTS_PREFIX.length));
  }
  const wanted = parseSubjectName(prefix);
  const own = parseSubjectName(name);
  return own.context === wanted.context && own.subject.startsWith(wanted.subject);
}
