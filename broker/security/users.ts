/**
 * Users that can log in: their SCRAM credentials, kept in the metadata log under `user/<name>`. Salt and keys, never a
 * password.
 */
import type { MetadataStore } from '../metadata/metadata-log.ts';
import type { ScramCredential, ScramMechanism } from './scram.ts';

const prefix = 'user/';

interface CredentialEntry {
  readonly salt: string;
  readonly storedKey: string;
  readonly serverKey: string;
  readonly iterations: number;
}

type UserEntry = Readonly<Partial<Record<ScramMechanism, CredentialEntry>>>;

export interface CredentialChange {
  readonly user: string;
  readonly mechanism: ScramMechanism;
  /** Null takes it away. */
  readonly credential: ScramCredential | null;
}

export class Users {
  readonly #metadata: MetadataStore;
  readonly #users = new Map<string, UserEntry>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata;
    for (const [key, value] of metadata.entries) {
      if (key.startsWith(prefix)) this.#users.set(key.slice(prefix.length), value as UserEntry);
    }
  }

  get count(): number {
    return this.#users.size;
  }

  names(): string[] {
    return [...this.#users.keys()].sort();
  }

  /** The mechanisms a user can log in by; empty for one that is not there. */
  mechanismsOf(user: string): { readonly mechanism: ScramMechanism; readonly iterations: number }[] {
    return Object.entries(this.#users.get(user) ?? {}).map(([mechanism, { iterations }]) => ({
      mechanism: mechanism as ScramMechanism,
      iterations,
    }));
  }

  credential(user: string, mechanism: ScramMechanism): ScramCredential | undefined {
    const kept = this.#users.get(user)?.[mechanism];
    if (kept === undefined) return undefined;
    const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
    const { salt, storedKey, serverKey, iterations } = kept;
    return { salt: bytes(salt), storedKey: bytes(storedKey), serverKey: bytes(serverKey), iterations };
  }

  /** All of them or none. Resolves when they are on disk; logins see them from then on. */
  change(changes: readonly CredentialChange[]): Promise<void> {
    const result = this.#lastChange.then(async () => {
      const after = new Map<string, UserEntry>();
      for (const { user, mechanism, credential } of changes) {
        const entry: Partial<Record<ScramMechanism, CredentialEntry>> = {
          ...(after.get(user) ?? this.#users.get(user)),
        };
        if (credential === null) delete entry[mechanism];
        else entry[mechanism] = entryOf(credential);
        after.set(user, entry);
      }
      const isEmpty = (entry: UserEntry): boolean => Object.keys(entry).length === 0;
      await this.#metadata.write([...after].map(([user, entry]) => [prefix + user, isEmpty(entry) ? null : entry]));
      for (const [user, entry] of after) {
        if (isEmpty(entry)) this.#users.delete(user);
        else this.#users.set(user, entry);
      }
    });
    this.#lastChange = result.catch(() => {});
    return result;
  }
}

function entryOf({ salt, storedKey, serverKey, iterations }: ScramCredential): CredentialEntry {
  const text = (bytes: Buffer): string => bytes.toString('base64');
  return { salt: text(salt), storedKey: text(storedKey), serverKey: text(serverKey), iterations };
}
