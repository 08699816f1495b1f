/**
 * The styles of names that Debezium's JDBC sink brings transforms for: how a topic's or a field's name is written anew, with a prefix
 * and a suffix around it. Pure; part of collection-name-transformation.ts and field-name-transformation.ts. Step 2.
 */
import type { Config, ConfigDef } from '../api/index.ts';

const STYLES = ['default', 'snake_case', 'camel_case', 'UPPER_CASE', 'lower_case'];

const capitalised = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

/** Parted by dots and underscores; what stands first begins small. */
function inCamelCase(name: string): string {
  const words = name.split(/[._]+/);
  return words.map((word, index) => (index === 0 ? word.toLowerCase() : capitalised(word))).join('');
}

/** A word ends before a capital that follows a small letter, between a letter and a digit, and at a dot. */
function inSnakeCase(name: string): string {
  const parted = name.replace(/([a-z])([A-Z])|([a-zA-Z])([0-9])|([0-9])([a-zA-Z])|\./g, '$1$3$5_$2$4$6');
  return parted.toLowerCase();
}

function inStyle(name: string, style: string): string {
  switch (style) {
    case 'snake_case':
      return inSnakeCase(name);
    case 'camel_case':
      return inCamelCase(name);
    case 'UPPER_CASE':
      return name.toUpperCase();
    case 'lower_case':
      return name.toLowerCase();
    default:
      return name;
  }
}

/** The keys of such a transform; `kind` begins them, `what` is named in their documentation. */
export function namingKeys(kind: 'collection' | 'column', what: string): ConfigDef {
  return {
    [`${kind}.naming.prefix`]: { type: 'string', default: '', doc: `Begins every ${what}.`, importance: 'low' },
    [`${kind}.naming.suffix`]: { type: 'string', default: '', doc: `Ends every ${what}.`, importance: 'low' },
    [`${kind}.naming.style`]: {
      type: 'string',
      default: 'default',
      oneOf: STYLES,
      ignoresCase: true,
      importance: 'low',
      doc: `How every ${what} is written between the two: \`default\` leaves it as it is.`,
    },
  };
}

/** What the config makes of a name; remembered, because names are few and records many. */
export function renamer(config: Config, kind: 'collection' | 'column'): (name: string) => string {
  const [prefix, suffix, style] = ['prefix', 'suffix', 'style'].map((key) => config.string(`${kind}.naming.${key}`));
  const known = new Map<string, string>();
  return (name) => {
    let renamed = known.get(name);
    if (renamed === undefined) {
      renamed = `${prefix}${inStyle(name, style!)}${suffix}`;
      if (known.size < NAMES_MAX) known.set(name, renamed);
    }
    return renamed;
  };
}

/** Records without a schema may bring ever new names. */
const NAMES_MAX = 10_000;
