/**
 * Who may do what with which subjects: roles from a JSON file, read again when it changes.
 *
 *     { "roles": [ { "principal": "User:ci", "role": "write", "subject": "trucks_", "pattern": "prefix" } ] }
 *
 * `admin` may do what `write` may, `write` what `read` may. `User:*` is everybody; a `subject` of `*` is every subject,
 * and only that counts for what concerns no single one (the global level and mode, contexts).
 */
import { readFileSync, statSync } from 'node:fs';
import { RegistryConfigError } from '../errors.ts';

export const ROLES = ['read', 'write', 'admin'] as const;
export type Role = (typeof ROLES)[number];

interface Grant {
  readonly principal: string;
  readonly role: Role;
  readonly subject: string;
  readonly isPrefix: boolean;
}

const EVERYBODY = 'User:*';
const EVERYTHING = '*';
/** A changed file counts after this, in milliseconds; it is not looked at more often. */
const LOOK_INTERVAL_MS = 1000;

export interface RolesLogger {
  error(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

export class RolesFile {
  readonly #path: string;
  readonly #logger: RolesLogger;
  #grants: readonly Grant[];
  #version: string;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** Throws RegistryConfigError for a file that cannot be read or understood. */
  constructor(path: string, logger: RolesLogger) {
    this.#path = path;
    this.#logger = logger;
    this.#version = versionOf(path);
    this.#grants = grantsOf(path);
  }

  /** Whether a principal has the role (or a higher one) for a subject; null is everything. */
  allows(principal: string, role: Role, subject: string | null): boolean {
    this.#refresh();
    return this.#grants.some(
      (grant) =>
        (grant.principal === principal || grant.principal === EVERYBODY) &&
        ROLES.indexOf(grant.role) >= ROLES.indexOf(role) &&
        covers(grant, subject),
    );
  }

  /** A file that became unreadable changes nothing: the roles of before stay in force. */
  #refresh(): void {
    const now = performance.now();
    if (now - this.#lookedAtMs < LOOK_INTERVAL_MS) return;
    this.#lookedAtMs = now;
    try {
      const version = versionOf(this.#path);
      if (version === this.#version) return;
      this.#version = version;
      this.#grants = grantsOf(this.#path);
      this.#logger.info(
        { file: this.#path, grants: this.#grants.length },
        'The roles of the registry were read again.',
      );
    } catch (err) {
      this.#logger.error({ err }, 'The roles of the registry cannot be read; those of before stay in force.');
    }
  }
}

function covers({ subject: granted, isPrefix }: Grant, subject: string | null): boolean {
  if (granted === EVERYTHING) return true;
  if (subject === null) return false;
  return isPrefix ? subject.startsWith(granted) : subject === granted;
}

function versionOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    throw unreadable(path, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`);
  }
}

function grantsOf(path: string): Grant[] {
  let file: unknown;
  try {
    file = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw unreadable(path, `is not JSON: ${(error as Error).message}`);
  }
  const roles = (file as { roles?: unknown } | null)?.roles;
  if (!Array.isArray(roles)) throw unreadable(path, 'has no list "roles"');
  return roles.map((each: unknown, index) =>
    grantOf(each, (problem) => unreadable(path, `roles[${index}] ${problem}`)),
  );
}

function grantOf(each: unknown, problem: (text: string) => RegistryConfigError): Grant {
  if (typeof each !== 'object' || each === null) throw problem('is no object');
  const { principal, role, subject, pattern = 'literal', ...rest } = each as Record<string, unknown>;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw problem(`has the unknown member "${unknown}"`);
  if (typeof principal !== 'string' || !/^User:./.test(principal)) throw problem('needs a "principal", User:name');
  if (!(ROLES as readonly unknown[]).includes(role)) throw problem(`needs a "role", one of ${ROLES.join(', ')}`);
  if (typeof subject !== 'string' || subject === '') throw problem('needs a "subject", a name or *');
  if (pattern !== 'literal' && pattern !== 'prefix')
    throw problem('has a "pattern" that is neither literal nor prefix');
  return { principal, role: role as Role, subject, isPrefix: pattern === 'prefix' };
}

function unreadable(path: string, problem: string): RegistryConfigError {
  return new RegistryConfigError(`The registry's roles file ${path} ${problem}.`);
}
