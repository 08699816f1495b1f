/**
 * The guard at the registry's door: who sent a request, whether they may, and a line in the log for each change.
 *
 * The audit line says who, what, to which subject, from where and with what result; never a password, a token or a text.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RegistryCore } from '../core.ts';
import { errors } from '../errors.ts';
import { type Access, accessOf, needOf } from '../security/access.ts';
import { Authentication, type RegistryLogins } from '../security/authentication.ts';
import type { SecuritySettings } from '../security/config.ts';
import type { RolesFile } from '../security/roles.ts';
import { canonicalName } from '../subject-name.ts';

/** What the guard logs through. */
export interface AuditLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface GuardParts {
  readonly core: RegistryCore;
  readonly settings: SecuritySettings;
  /** Null where nobody is asked who they are. */
  readonly logins: RegistryLogins | null;
  readonly roles: RolesFile | null;
  readonly logger: AuditLogger;
}

const NOBODY: RegistryLogins = {
  password: async () => null,
  bearer: async () => null,
  certificate: () => null,
  isSuper: () => false,
};

export class Guard {
  readonly #parts: GuardParts;
  readonly #authentication: Authentication;
  readonly #challenges: readonly string[];
  readonly #access = new WeakMap<FastifyRequest, Access>();

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#authentication = new Authentication(parts.logins ?? NOBODY, parts.settings.methods);
    this.#challenges = this.#authentication.challenges(parts.settings.realm);
  }

  /** Before the body is read. Throws 401. */
  async letIn(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { settings, roles, logins } = this.#parts;
    const path = (request.url.split('?')[0] ?? '/').replace(/(.)\/$/, '$1');
    if (settings.skipPaths.has(path)) return;
    const principal = await this.#authentication.principalOf(request.headers, request.raw.socket);
    if (principal !== null) {
      this.#access.set(request, accessOf(principal, roles, logins));
      return;
    }
    if (this.#challenges.length > 0) reply.header('www-authenticate', this.#challenges);
    const route = request.routeOptions.url;
    const isChange = route !== undefined && changes(request.method, route);
    if (isChange || request.headers.authorization !== undefined) this.#audit(request, 'nobody', 401);
    throw errors.unauthorized();
  }

  /** What the request's principal may do; nothing where a path let anybody in. */
  accessOf(request: FastifyRequest): Access {
    return this.#access.get(request) ?? accessOf('User:ANONYMOUS', this.#parts.roles, this.#parts.logins);
  }

  /** Throws 40301 where the endpoint needs a role that the principal does not have. */
  admit(request: FastifyRequest, method: string, path: string): void {
    const need = needOf(method, path);
    if (need === null) return;
    const named = (request.params as Record<string, string>).subject;
    this.accessOf(request).require(need.role, need.ofSubject ? this.#subjectOf(path, named ?? '') : null);
  }

  /** A line per change that was asked for. `result` is `ok` or the error's code. */
  changed(request: FastifyRequest, method: string, path: string, result: 'ok' | number, answer?: unknown): void {
    if (changes(method, path)) this.#audit(request, this.accessOf(request).principal, result, answer);
  }

  /** An alias is what it stands for, except where its own configuration or mode is meant. */
  #subjectOf(path: string, name: string): string {
    const isMeantItself = path.startsWith('/config') || path.startsWith('/mode');
    return isMeantItself ? canonicalName(name) : this.#parts.core.subjectFor(name);
  }

  #audit(request: FastifyRequest, principal: string, result: 'ok' | number, answer?: unknown): void {
    const { subject, version, context } = request.params as Record<string, string | undefined>;
    const { id } = (answer ?? {}) as { id?: unknown };
    const audit = {
      principal,
      action: `${request.method} ${request.routeOptions.url ?? 'unknown'}`,
      ...(subject === undefined ? {} : { subject }),
      ...(version === undefined ? {} : { version }),
      ...(context === undefined ? {} : { context }),
      ...(typeof id === 'number' ? { id } : {}),
      from: request.ip,
      result,
    };
    if (result === 'ok') this.#parts.logger.info({ audit }, 'The schema registry was changed.');
    else this.#parts.logger.warn({ audit }, 'The schema registry refused a change.');
  }
}

function changes(method: string, path: string): boolean {
  const need = needOf(method, path);
  return need !== null && need.role !== 'read';
}
