/**
 * Who is on the other end of a connection: Kafka's principal, `User:alice`. What it may do is the authorizer's business.
 */

export interface Principal {
  /** `User` for everybody who can log in here; ACLs may name others. */
  readonly type: string;
  readonly name: string;
  /** `type:name`, as ACLs and log lines write it. */
  readonly text: string;
}

export function userPrincipal(name: string): Principal {
  return { type: 'User', name, text: `User:${name}` };
}

/** Kafka's name for a client of a listener that asks nobody who they are. */
export const anonymous: Principal = userPrincipal('ANONYMOUS');
/** In an ACL: everybody. */
export const everybody = 'User:*';

/** Null where the text is no `Type:name`. */
export function parsePrincipal(text: string): Principal | null {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return null;
  return { type: text.slice(0, colon), name: text.slice(colon + 1), text };
}

/** Kafka's `super.users`: principals between semicolons, because a distinguished name contains commas. */
export function parseSuperUsers(text: string): Set<string> {
  return new Set(
    text
      .split(';')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );
}
