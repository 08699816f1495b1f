/**
 * Text made from a record: a job's name, a URL, an MQTT topic, a file's folder. Sinks declare which of their keys are
 * templates, parse them once at their start and render one text per record. Pure.
 *
 * | placeholder | becomes |
 * |---|---|
 * | `{topic}` `{partition}` `{offset}` `{timestamp}` | the record's own; before transforms: `{original.topic}` |
 * | `{key}` | the key, where it is text or a number |
 * | `{key:/json/pointer}` `{value:/json/pointer}` | one member (RFC 6901) |
 * | `{header.name}` | the last header of that name |
 *
 * `{{` and `}}` stand for braces.
 */
import { DataError } from './errors.ts';
import type { SinkRecord } from './record.ts';
import { type ConnectValue, plainValue, type RecordValue } from './schema.ts';

/** A parsed template. */
export interface RecordTemplate {
  /** As written. */
  readonly source: string;
  /** The text when no placeholder is in it, else null. */
  readonly constant: string | null;
  /** The placeholders it names, as written between the braces. */
  readonly placeholders: readonly string[];
  /**
   * Throws DataError (`TEMPLATE_NO_VALUE`) when the record lacks what a placeholder asks for. `encode` is applied to
   * what placeholders put in, not to the text around them: `encodeURIComponent` for a URL.
   */
  render(record: SinkRecord, encode?: (text: string) => string): string;
  /** As `render`, but null where a placeholder has nothing to stand for. */
  tryRender(record: SinkRecord, encode?: (text: string) => string): string | null;
}

type Part = string | ((record: SinkRecord) => string | null);

const known = '{topic}, {partition}, {offset}, {timestamp}, {key}, {key:/…}, {value:/…} or {header.…}';

/** Parses a template; throws a plain Error with a sentence, for the caller to name its key. */
export function parseRecordTemplate(source: string): RecordTemplate {
  const parts: Part[] = [];
  const placeholders: string[] = [];
  for (const [piece] of source.matchAll(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g)) {
    if (piece === '{{' || piece === '}}') parts.push(piece[0]!);
    else if (piece === '{' || piece === '}') throw new Error(`"${source}" has a "${piece}" without its partner`);
    else if (piece.startsWith('{')) {
      placeholders.push(piece.slice(1, -1));
      parts.push(placeholder(piece.slice(1, -1)));
    } else parts.push(piece);
  }
  const tryRender: RecordTemplate['tryRender'] = (record, encode) => {
    let out = '';
    for (const part of parts) {
      const text = typeof part === 'string' ? part : part(record);
      if (text === null) return null;
      out += encode === undefined || typeof part === 'string' ? text : encode(text);
    }
    return out;
  };
  const constant = placeholders.length === 0 ? parts.join('') : null;
  const render: RecordTemplate['render'] = (record, encode) =>
    tryRender(record, encode) ?? refuse(source, parts, placeholders, record);
  return { source, constant, placeholders, render, tryRender };
}

/** For `validate` of a config key: the sentence about what is wrong, or null. */
export function judgeRecordTemplate(value: unknown): string | null {
  try {
    parseRecordTemplate(String(value));
    return null;
  } catch (error) {
    return `must be a template: ${(error as Error).message}`;
  }
}

function refuse(source: string, parts: readonly Part[], placeholders: readonly string[], record: SinkRecord): never {
  const asked = parts.filter((part) => typeof part === 'function');
  const missing = placeholders[asked.findIndex((part) => part(record) === null)];
  const place = `${record.originalTopic}-${record.originalPartition} offset ${record.offset}`;
  throw new DataError(`The record at ${place} has no text or number for {${missing}}, which "${source}" asks for.`, {
    code: 'TEMPLATE_NO_VALUE',
  });
}

function placeholder(name: string): Part {
  if (name.startsWith('key:')) return pointed(name.slice(4), (record) => record.key);
  if (name.startsWith('value:')) return pointed(name.slice(6), (record) => record.value);
  if (name.startsWith('header.')) return headed(name.slice(7));
  switch (name) {
    case 'topic':
      return (record) => record.topic;
    case 'original.topic':
      return (record) => record.originalTopic;
    case 'partition':
      return (record) => String(record.originalPartition);
    case 'offset':
      return (record) => String(record.offset);
    case 'timestamp':
      return (record) => (record.timestamp === null ? null : String(record.timestamp));
    case 'key':
      return (record) => scalar(record.key);
    default:
      throw new Error(`{${name}} is not known; use ${known}`);
  }
}

function pointed(pointer: string, of: (record: SinkRecord) => RecordValue): Part {
  const steps = pointerSteps(pointer);
  return (record) => {
    const value = of(record);
    return value === null ? null : scalar(followPointer(plainOrNull(value), steps));
  };
}

/** A payload that is not JSON has no members. */
function plainOrNull(value: RecordValue): ConnectValue {
  try {
    return plainValue(value);
  } catch {
    return null;
  }
}

function headed(name: string): Part {
  return (record) => {
    const header = record.headers.findLast(({ key }) => key === name);
    return header === undefined ? null : scalar(header.value);
  };
}

function scalar(value: RecordValue | undefined): string | null {
  const plain = value === undefined || value === null ? null : plainOrNull(value);
  if (typeof plain === 'string') return plain;
  if (typeof plain === 'number' || typeof plain === 'boolean' || typeof plain === 'bigint') return String(plain);
  if (plain instanceof Date) return plain.toISOString();
  return plain instanceof Uint8Array ? Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString() : null;
}

/** The steps of a JSON pointer (RFC 6901). Throws a plain Error when it is none. */
export function pointerSteps(pointer: string): readonly string[] {
  if (pointer !== '' && !pointer.startsWith('/')) throw new Error(`"${pointer}" is no JSON pointer: begin it with "/"`);
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The member a pointer leads to, or undefined. Only own members count, so that no prototype shows. */
export function followPointer(value: ConnectValue, steps: readonly string[]): ConnectValue | undefined {
  let found: unknown = value;
  for (const step of steps) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found as ConnectValue;
}
