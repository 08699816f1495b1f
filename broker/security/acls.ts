/**
 * The ACLs, kept in the metadata log, one entry each: `acl/<its seven fields>`, so that adding twice adds once.
 */
import type { MetadataStore } from '../metadata/metadata-log.ts';
import { type Acl, type AclFilter, matchesFilter, PatternType, wildcard } from './acl.ts';

const prefix = 'acl/';

/** Those of one resource type, laid out for a decision. */
interface OfType {
  readonly literal: Map<string, Acl[]>;
  prefixed: Acl[];
}

export class Acls {
  readonly #metadata: MetadataStore;
  readonly #acls = new Map<string, Acl>();
  readonly #byType = new Map<number, OfType>();
  readonly #onChange: (() => void)[] = [];
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata;
    for (const [key, value] of metadata.entries) if (key.startsWith(prefix)) this.#acls.set(key, value as Acl);
    this.#index();
  }

  get count(): number {
    return this.#acls.size;
  }

  /** Called after every change. */
  onChange(listener: () => void): void {
    this.#onChange.push(listener);
  }

  find(filter: AclFilter): Acl[] {
    return [...this.#acls.values()].filter((acl) => matchesFilter(acl, filter));
  }

  /** Those that speak of this resource: by its name, by `*`, by a prefix. */
  applyingTo(resourceType: number, name: string): Acl[] {
    const ofType = this.#byType.get(resourceType);
    if (ofType === undefined) return [];
    return [
      ...(ofType.literal.get(name) ?? []),
      ...(name === wildcard ? [] : (ofType.literal.get(wildcard) ?? [])),
      ...ofType.prefixed.filter((acl) => name.startsWith(acl.resourceName)),
    ];
  }

  ofType(resourceType: number): Acl[] {
    return [...this.#acls.values()].filter((acl) => acl.resourceType === resourceType);
  }

  /** Resolves when they are on disk; decisions see them from then on. */
  add(acls: readonly Acl[]): Promise<void> {
    return this.#change(async () => {
      const added = acls.map((acl): [string, Acl] => [keyOf(acl), plain(acl)]).filter(([key]) => !this.#acls.has(key));
      if (added.length === 0) return;
      await this.#metadata.write(added);
      for (const [key, acl] of added) this.#acls.set(key, acl);
      this.#changed();
    });
  }

  /** Answers what each filter took away. */
  remove(filters: readonly AclFilter[]): Promise<Acl[][]> {
    return this.#change(async () => {
      const found = filters.map((filter) => this.find(filter));
      const keys = [...new Set(found.flat().map(keyOf))];
      if (keys.length === 0) return found;
      await this.#metadata.write(keys.map((key) => [key, null]));
      for (const key of keys) this.#acls.delete(key);
      this.#changed();
      return found;
    });
  }

  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(work);
    this.#lastChange = result.catch(() => {});
    return result;
  }

  #changed(): void {
    this.#index();
    for (const listener of this.#onChange) listener();
  }

  #index(): void {
    this.#byType.clear();
    for (const acl of this.#acls.values()) {
      let ofType = this.#byType.get(acl.resourceType);
      if (ofType === undefined) {
        ofType = { literal: new Map(), prefixed: [] };
        this.#byType.set(acl.resourceType, ofType);
      }
      if (acl.patternType === PatternType.prefixed) ofType.prefixed.push(acl);
      else if (ofType.literal.has(acl.resourceName)) ofType.literal.get(acl.resourceName)!.push(acl);
      else ofType.literal.set(acl.resourceName, [acl]);
    }
  }
}

/** Only the fields of an ACL, whatever object it came in. */
function plain(acl: Acl): Acl {
  const { resourceType, resourceName, patternType, principal, host, operation, permissionType } = acl;
  return { resourceType, resourceName, patternType, principal, host, operation, permissionType };
}

/** JSON, so that no name can pretend to be two fields. */
function keyOf(acl: Acl): string {
  return prefix + JSON.stringify(Object.values(plain(acl)));
}
