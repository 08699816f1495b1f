/**
 * Resolves `${provider:path:key}` references in configs: `file`, `directory`, `env` (KIP-297, KIP-421).
 *
 * Called when a connector is validated and when its tasks start, never for anything that is stored or shown. A
 * reference to a provider nobody registered stays as it is written, as in Kafka Connect.
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { type ConfigProblem, javaRegex } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import { Redaction } from './redaction.ts';

/** `${alias:key}` or `${alias:path:key}`. */
const REFERENCE = /\$\{([^}:]*):(?:([^}]*):)?([^}:]*)\}/g;

/** Shorter values stand in other words by accident, which would be torn apart. */
const RESTORED_LENGTH_MIN = 4;

type Provider = (path: string, key: string) => Promise<string>;
type Raw = Readonly<Record<string, string>>;

/** The stock Java class names, for `config.providers.<alias>.class`. */
const classes: Record<string, string> = {
  file: 'file',
  directory: 'directory',
  env: 'env',
  'org.apache.kafka.common.config.provider.FileConfigProvider': 'file',
  'org.apache.kafka.common.config.provider.DirectoryConfigProvider': 'directory',
  'org.apache.kafka.common.config.provider.EnvVarConfigProvider': 'env',
};

export class ConfigProviders {
  /** Knows what references have resolved to, and keeps it out of what is said. */
  readonly redaction = new Redaction();
  /** What each reference resolved to last, for {@link restore}. */
  readonly #last = new Map<string, string>();
  readonly #providers = new Map<string, Provider>();
  /** How long what a provider said is believed (`config.providers.<alias>.param.ttl.ms`); absent: for ever. */
  readonly #ttlMs = new Map<string, number>();

  /** Throws a plain sentence for a class that is no provider. */
  constructor(aliases: readonly string[], worker: Raw, environment: Readonly<Record<string, string | undefined>>) {
    for (const alias of aliases) {
      const parameter = (name: string) => worker[`config.providers.${alias}.param.${name}`];
      const ttlMs = Number(parameter('ttl.ms') ?? 0);
      if (ttlMs > 0) this.#ttlMs.set(alias, ttlMs);
      const kind = classes[worker[`config.providers.${alias}.class`] ?? alias];
      const allowed = allowedPaths(alias, parameter('allowed.paths'));
      if (kind === 'file') this.#providers.set(alias, (path, key) => fromFile(path, key, allowed));
      else if (kind === 'directory') this.#providers.set(alias, (path, key) => fromDirectory(path, key, allowed));
      else if (kind === 'env') {
        const pattern = allowlist(alias, parameter('allowlist.pattern') ?? '.*');
        this.#providers.set(alias, (_, key) => fromEnvironment(key, environment, pattern));
      } else throw new Error(`config.providers: "${alias}" is no provider. Known are file, directory and env.`);
    }
  }

  /**
   * A text made of a config's values, with the config's references in place of what they resolved to: a connector may
   * put its password into a task's config, which is stored and shown.
   */
  restore(text: string, raw: Raw): string {
    let restored = text;
    for (const [reference] of Object.values(raw).flatMap((value) => [...value.matchAll(REFERENCE)])) {
      const value = this.#last.get(reference);
      if (value === undefined || value.length < RESTORED_LENGTH_MIN) continue;
      restored = restored.replaceAll(value, () => reference);
    }
    return restored;
  }

  /** Adds a provider that is no class of Kafka's; one that was configured under the alias wins. */
  register(alias: string, provider: Provider): void {
    if (!this.#providers.has(alias)) this.#providers.set(alias, provider);
  }

  /** The resolved config, and a problem per key whose reference leads nowhere (that key stays as written). */
  async resolve(raw: Raw): Promise<{ readonly resolved: Raw; readonly problems: readonly ConfigProblem[] }> {
    const resolved: Record<string, string> = { ...raw };
    const problems: ConfigProblem[] = [];
    for (const [key, value] of Object.entries(raw)) {
      if (!value.includes('${')) continue;
      try {
        resolved[key] = await this.#resolveText(value);
      } catch (error) {
        const message = `The reference in configuration "${key}" cannot be resolved: ${messageOf(error)}`;
        problems.push({ key, value, message });
      }
    }
    return { resolved, problems };
  }

  /** When a config with these references has to be looked at again, in ms; null for never (KIP-297's TTL). */
  ttlOf(raw: Raw): number | null {
    const aliases = Object.values(raw).flatMap((value) => [...value.matchAll(REFERENCE)].map((match) => match[1]!));
    const ttls = aliases.flatMap((alias) => this.#ttlMs.get(alias) ?? []);
    return ttls.length === 0 ? null : Math.min(...ttls);
  }

  async #resolveText(text: string): Promise<string> {
    let result = '';
    let end = 0;
    for (const match of text.matchAll(REFERENCE)) {
      const provider = this.#providers.get(match[1]!);
      const value = provider === undefined ? match[0] : await provider(match[2] ?? '', match[3]!);
      if (provider !== undefined) {
        this.redaction.remember(value);
        this.#last.set(match[0], value);
      }
      result += text.slice(end, match.index) + value;
      end = match.index + match[0].length;
    }
    return result + text.slice(end);
  }
}

/** Empty is no restriction, as in Kafka. */
function allowedPaths(alias: string, text: string | undefined): readonly string[] | undefined {
  const paths = (text ?? '').split(',').map((path) => path.trim());
  const given = paths.filter((path) => path !== '');
  const relative = given.find((path) => !isAbsolute(path));
  if (relative !== undefined) {
    throw new Error(
      `config.providers.${alias}.param.allowed.paths: "${relative}" is no absolute path. Write it from the root on.`,
    );
  }
  return given.length === 0 ? undefined : given;
}

function allowlist(alias: string, pattern: string): RegExp {
  try {
    return javaRegex(pattern);
  } catch (cause) {
    const key = `config.providers.${alias}.param.allowlist.pattern`;
    throw new Error(`${key}: "${pattern}" is no regular expression: ${messageOf(cause)}.`, { cause });
  }
}

function assertAllowed(path: string, allowed: readonly string[] | undefined): void {
  if (allowed === undefined) return;
  const isInside = allowed.some(
    (root) => resolve(path) === resolve(root) || resolve(path).startsWith(resolve(root) + sep),
  );
  if (!isInside) throw new Error(`${path} is outside allowed.paths.`);
}

async function fromFile(path: string, key: string, allowed: readonly string[] | undefined): Promise<string> {
  assertAllowed(path, allowed);
  const properties = parseProperties(await readFile(path, 'utf8'));
  const value = properties.get(key);
  if (value === undefined) throw new Error(`${path} has no property "${key}".`);
  return value;
}

async function fromDirectory(path: string, key: string, allowed: readonly string[] | undefined): Promise<string> {
  const file = join(path, key);
  if (!resolve(file).startsWith(resolve(path) + sep)) throw new Error(`"${key}" is not inside ${path}.`);
  assertAllowed(file, allowed);
  return readFile(file, 'utf8');
}

async function fromEnvironment(
  key: string,
  environment: Readonly<Record<string, string | undefined>>,
  pattern: RegExp,
): Promise<string> {
  const value = pattern.test(key) ? environment[key] : undefined;
  if (value === undefined) throw new Error(`The environment has no variable "${key}" (or allowlist.pattern hides it).`);
  return value;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f' };

/** java.util.Properties: `key=value`, `key: value`, `key value`, comments, continued lines, escapes. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  const lines = text.replace(/(?<!\\)((?:\\\\)*)\\\r?\n[ \t]*/g, '$1').split(/\r?\n/);
  for (const line of lines) {
    const match = /^\s*((?:\\.|[^\\\s=:#!])(?:\\.|[^\\\s=:])*)\s*(?:[=:]\s*|\s|$)(.*)$/.exec(line);
    if (match !== null) properties.set(unescaped(match[1]!), unescaped(match[2]!));
  }
  return properties;
}

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, letter: string) =>
    code === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
