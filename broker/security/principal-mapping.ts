/**
 * From a certificate's subject to a principal's name: Kafka's `ssl.principal.mapping.rules` (KIP-371).
 *
 *     RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L,DEFAULT
 *
 * The first rule whose pattern matches the whole distinguished name decides; DEFAULT is the name as it is.
 */
import { BrokerConfigError } from '../errors.ts';

const key = 'ssl.principal.mapping.rules';

interface Rule {
  /** Null: DEFAULT. */
  readonly pattern: RegExp | null;
  readonly replacement: string;
  readonly change: '' | 'L' | 'U';
}

export class PrincipalMapping {
  readonly #rules: readonly Rule[];

  /** Throws BrokerConfigError for rules that cannot be read. */
  constructor(rules: string) {
    this.#rules = parse(rules);
  }

  /** `subject` as Node writes it: one `type=value` a line, the widest first. */
  apply(subject: string): string {
    const name = distinguishedName(subject);
    for (const { pattern, replacement, change } of this.#rules) {
      if (pattern === null) return name;
      if (!pattern.test(name)) continue;
      const mapped = name.replace(pattern, replacement);
      return change === 'L' ? mapped.toLowerCase() : change === 'U' ? mapped.toUpperCase() : mapped;
    }
    return name;
  }
}

/** RFC 2253: the narrowest first, between commas. */
export function distinguishedName(subject: string): string {
  return subject
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const equals = line.indexOf('=');
      return `${line.slice(0, equals)}=${escaped(line.slice(equals + 1))}`;
    })
    .reverse()
    .join(',');
}

function escaped(value: string): string {
  return value
    .replace(/[,+"\\<>;]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
}

function parse(text: string): Rule[] {
  const rules: Rule[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const match = /^(?:DEFAULT|RULE:((?:\\.|[^\\/])*)\/((?:\\.|[^\\/])*)\/([LU]?))\s*(?:,\s*|$)/.exec(rest);
    if (match === null) {
      throw new BrokerConfigError(key, `${key} cannot be read from "${rest}" on: write RULE:pattern/replacement/[LU].`);
    }
    rules.push(match[1] === undefined ? { pattern: null, replacement: '', change: '' } : ruleOf(match));
    rest = rest.slice(match[0].length);
  }
  return rules;
}

function ruleOf([, pattern, replacement, change]: RegExpExecArray): Rule {
  try {
    const whole = new RegExp(`^(?:${pattern})$`);
    return { pattern: whole, replacement: replacement!.replaceAll('\\/', '/'), change: change as Rule['change'] };
  } catch (error) {
    throw new BrokerConfigError(key, `${key} has a pattern that is no regular expression: ${(error as Error).message}`);
  }
}
