/**
 * What a request may do: the role that each endpoint needs, and whether its principal has it. Pure but for the roles file.
 *
 * A registry without roles lets everybody it let in do everything.
 */
import { errors } from '../errors.ts';
import type { RegistryLogins } from './authentication.ts';
import type { Role, RolesFile } from './roles.ts';

/** What one request's principal may do; handlers ask it for what a route's need does not say. */
export interface Access {
  readonly principal: string;
  may(role: Role, subject: string | null): boolean;
  /** Throws 40301. */
  require(role: Role, subject: string | null): void;
}

/** In process and where nobody is asked: everything. */
export const FULL_ACCESS: Access = { principal: 'User:ANONYMOUS', may: () => true, require: () => undefined };

export function accessOf(principal: string, roles: RolesFile | null, logins: RegistryLogins | null): Access {
  const isFree = roles === null || logins?.isSuper(principal) === true;
  const may = (role: Role, subject: string | null): boolean => isFree || roles.allows(principal, role, subject);
  return {
    principal,
    may,
    require(role, subject) {
      if (!may(role, subject)) throw errors.denied(operations[role], subject);
    },
  };
}

const operations: Readonly<Record<Role, string>> = { read: 'Read', write: 'Write', admin: 'Admin' };

/** What an endpoint needs before it is asked: a role for its subject (for everything, where the path names none). */
export interface Need {
  readonly role: Role;
  readonly ofSubject: boolean;
}

/** Null: being let in is enough; such answers hold only what may be read. */
export function needOf(method: string, path: string): Need | null {
  const ofSubject = path.includes('/:subject');
  if (method === 'GET' || method === 'HEAD') return ofSubject ? { role: 'read', ofSubject } : null;
  if (path === '/' || path === '/invalid-context/:context') return null;
  // Looking up, comparing and trying change nothing.
  const isQuestion =
    path === '/subjects/:subject' || path === '/subjects/:subject/try' || path.startsWith('/compatibility/');
  if (method === 'POST' && isQuestion) {
    return { role: 'read', ofSubject };
  }
  return { role: method === 'POST' && ofSubject ? 'write' : 'admin', ofSubject };
}
