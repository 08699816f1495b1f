/**
 * May this principal do that here? Kafka's StandardAuthorizer: super users may; then a DENY that applies wins; then an
 * ALLOW; a resource that no ACL speaks of is open only with `allow.everyone.if.no.acl.found`.
 *
 * It is asked in every handler, through apis/authorize.ts and nothing else.
 */
import {
  type Acl,
  Operation,
  type OperationName,
  operationsOn,
  PatternType,
  Permission,
  ResourceType,
  type ResourceTypeName,
  wildcard,
} from './acl.ts';
import type { Acls } from './acls.ts';
import { everybody, type Principal } from './principal.ts';

/** Who asks, and from where. */
export interface Asker {
  readonly principal: Principal;
  /** An address, as ACLs name hosts. */
  readonly clientHost: string;
}

/** An ALLOW of these is one of the operation, too (never a DENY). */
const impliedBy: Readonly<Partial<Record<OperationName, readonly OperationName[]>>> = {
  describe: ['read', 'write', 'delete', 'alter'],
  describeConfigs: ['alterConfigs'],
};

/** Decisions remembered between changes of the ACLs; beyond that they are worked out again. */
const rememberedMax = 20_000;

export class Authorizer {
  readonly #acls: Acls;
  readonly #superUsers: ReadonlySet<string>;
  readonly #isOpenWithoutAcl: boolean;
  readonly #remembered = new Map<string, boolean>();

  constructor(acls: Acls, superUsers: ReadonlySet<string>, isOpenWithoutAcl: boolean) {
    this.#acls = acls;
    this.#superUsers = superUsers;
    this.#isOpenWithoutAcl = isOpenWithoutAcl;
    acls.onChange(() => this.#remembered.clear());
  }

  isSuper(principal: Principal): boolean {
    return this.#superUsers.has(principal.text);
  }

  isAllowed(asker: Asker, operation: OperationName, type: ResourceTypeName, name: string): boolean {
    if (this.#superUsers.has(asker.principal.text)) return true;
    const key = `${operation}\0${type}\0${asker.clientHost}\0${asker.principal.text}\0${name}`;
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined) return remembered;
    const isAllowed = this.#decide(asker, operation, this.#acls.applyingTo(ResourceType[type], name));
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(key, isAllowed);
    return isAllowed;
  }

  #decide(asker: Asker, operation: OperationName, acls: readonly Acl[]): boolean {
    if (acls.length === 0) return this.#isOpenWithoutAcl;
    const spoken = acls.filter((acl) => speaksOf(acl, asker));
    if (spoken.some((acl) => acl.permissionType === Permission.deny && isOf(acl, operation))) return false;
    return spoken.some((acl) => acl.permissionType === Permission.allow && allows(acl, operation));
  }

  /** On at least one resource of the type, whatever its name (an idempotent producer needs WRITE on some topic). */
  isAllowedOnAny(asker: Asker, operation: OperationName, type: ResourceTypeName): boolean {
    // A name nobody uses: allowed there is allowed everywhere, by being super or by a wildcard.
    if (this.isAllowed(asker, operation, type, 'hardcode')) return true;
    const spoken = this.#acls.ofType(ResourceType[type]).filter((acl) => speaksOf(acl, asker));
    const denies = spoken.filter((acl) => acl.permissionType === Permission.deny && isOf(acl, operation));
    const allowed = spoken.filter((acl) => acl.permissionType === Permission.allow && allows(acl, operation));
    return allowed.some((allow) => !denies.some((deny) => covers(deny, allow)));
  }

  /** The bitmap that `includeAuthorizedOperations` asks for. */
  operations(asker: Asker, type: ResourceTypeName, name: string): number {
    let bits = 0;
    for (const operation of operationsOn[type]) {
      if (this.isAllowed(asker, operation, type, name)) bits |= 1 << Operation[operation];
    }
    return bits;
  }
}

function speaksOf(acl: Acl, { principal, clientHost }: Asker): boolean {
  return (
    (acl.principal === principal.text || acl.principal === everybody) &&
    (acl.host === wildcard || acl.host === clientHost)
  );
}

function isOf(acl: Acl, operation: OperationName): boolean {
  return acl.operation === Operation.all || acl.operation === Operation[operation];
}

function allows(acl: Acl, operation: OperationName): boolean {
  return isOf(acl, operation) || impliedBy[operation]?.some((each) => acl.operation === Operation[each]) === true;
}

/** A DENY that leaves nothing of an ALLOW. */
function covers(deny: Acl, allow: Acl): boolean {
  if (deny.patternType === PatternType.prefixed) return allow.resourceName.startsWith(deny.resourceName);
  if (deny.resourceName === wildcard) return true;
  return allow.patternType === PatternType.literal && allow.resourceName === deny.resourceName;
}
