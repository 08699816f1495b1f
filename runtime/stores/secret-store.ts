/**
 * Secrets, encrypted in the log: what `${secrets:<name>:<key>}` in a configuration stands for.
 *
 * A compacted topic (`connect-secrets`) holds one record per name: AES-256-GCM over its keys and values, with the name as
 * associated data, so that one secret cannot be put in another's place. Whoever can read the topic, or the disk below it,
 * sees names and ciphertext. The key that opens them is in a file, or in the environment; it is never in the log.
 *
 * Several keys may be given: the first encrypts, each may decrypt. That is how a key is replaced: put the new one in
 * front, call `rotate`, take the old one away.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { messageOf, RequestError } from '../errors.ts';
import type { LogClient } from '../log/client.ts';
import { CompactedTable, type CompactedTopic, parseStored } from './compacted-table.ts';

type Values = Readonly<Record<string, string>>;

export interface SecretInfo {
  readonly name: string;
  /** What it holds, without the values. */
  readonly keys: readonly string[];
  /** When it was written, in milliseconds since the epoch. */
  readonly updated: number;
}

/** One record of the topic. */
interface Sealed {
  readonly keys: readonly string[];
  readonly updated: number;
  /** The first digits of the key's SHA-256: which key opens it. */
  readonly key_id: string;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

export interface SecretOptions {
  readonly log: LogClient;
  readonly topic: CompactedTopic;
  /** Keys as text (base64 or hex, one a line), from the environment; wins over the file. */
  readonly keyText: string | undefined;
  /** Created with a new key by the first `put`, readable by its owner alone. */
  readonly keyFile: string | null;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** NIST SP 800-38D, 8.2: 96 bits, new for every encryption. */
const IV_BYTES = 12;
const KEY_ID_DIGITS = 8;
/** Longer values are files, not secrets; the record must fit into a message. */
const MAX_BYTES = 256 * 1024;
const PREFIX = 'secret-';

export class SecretStore {
  readonly #options: SecretOptions;
  readonly #sealed = new Map<string, Sealed>();
  #table: Promise<CompactedTable> | undefined;

  /** Opens nothing: the topic is read when the first secret is asked for. */
  constructor(options: SecretOptions) {
    this.#options = options;
  }

  async list(): Promise<SecretInfo[]> {
    await this.#open();
    return [...this.#sealed].map(([name, { keys, updated }]) => ({ name, keys, updated })).sort(byName);
  }

  /** The value behind `${secrets:name:key}`. Throws a sentence that names what is missing, never a value. */
  async get(name: string, key: string): Promise<string> {
    await this.#open();
    const sealed = this.#sealed.get(name);
    if (sealed === undefined)
      throw new Error(`there is no secret "${name}". Set it with: millrace secret set ${name} …`);
    const value = this.#unseal(name, sealed, await this.#keys())[key];
    if (value === undefined)
      throw new Error(`the secret "${name}" has no key "${key}". It has ${sealed.keys.join(', ')}.`);
    return value;
  }

  /** Creates a secret or changes the keys that are given; null takes a key away. */
  async put(name: string, changes: Readonly<Record<string, string | null>>): Promise<SecretInfo> {
    assertName(name);
    const table = await this.#open();
    const keys = await this.#keys(true);
    const before = this.#sealed.get(name);
    const values: Record<string, string> = before === undefined ? {} : { ...this.#unseal(name, before, keys) };
    for (const [key, value] of Object.entries(changes)) {
      assertName(key);
      if (value === null) delete values[key];
      else values[key] = value;
    }
    if (JSON.stringify(values).length > MAX_BYTES) {
      throw new RequestError(
        400,
        `The secret "${name}" is larger than ${MAX_BYTES / 1024} KiB. Keep it in a file, and use \${file:…}.`,
      );
    }
    const sealed = seal(name, values, keys[0]!);
    await table.put([{ key: PREFIX + name, value: JSON.stringify(sealed) }]);
    return { name, keys: sealed.keys, updated: sealed.updated };
  }

  async remove(name: string): Promise<void> {
    const table = await this.#open();
    if (!this.#sealed.has(name)) throw new RequestError(404, `There is no secret "${name}".`);
    await table.put([{ key: PREFIX + name, value: null }]);
  }

  /** Encrypts everything with the first key; answers how many were not yet. */
  async rotate(): Promise<number> {
    const table = await this.#open();
    const keys = await this.#keys();
    const old = [...this.#sealed].filter(([, { key_id: id }]) => id !== keys[0]!.id);
    const renewed = old.map(([name, sealed]) => {
      const renewal = { ...seal(name, this.#unseal(name, sealed, keys), keys[0]!), updated: sealed.updated };
      return { key: PREFIX + name, value: JSON.stringify(renewal) };
    });
    if (renewed.length > 0) await table.put(renewed);
    return renewed.length;
  }

  async close(): Promise<void> {
    await (await this.#table?.catch(() => undefined))?.close();
  }

  #open(): Promise<CompactedTable> {
    this.#table ??= CompactedTable.open(this.#options.log, this.#options.topic, (key, value) =>
      this.#apply(key, value),
    );
    return this.#table;
  }

  #apply(key: string, text: string | null): void {
    if (!key.startsWith(PREFIX)) return;
    const sealed = text === null ? null : parseStored(text, () => {});
    if (sealed === null) this.#sealed.delete(key.slice(PREFIX.length));
    else this.#sealed.set(key.slice(PREFIX.length), sealed as unknown as Sealed);
  }

  #unseal(name: string, sealed: Sealed, keys: readonly Key[]): Values {
    const key = keys.find(({ id }) => id === sealed.key_id);
    if (key === undefined) {
      throw new RequestError(
        400,
        `The secret "${name}" was encrypted with the key ${sealed.key_id}, which is not among the ${keys.length} given.`,
      );
    }
    try {
      const cipher = createDecipheriv(CIPHER, key.bytes, Buffer.from(sealed.iv, 'base64'));
      cipher.setAAD(Buffer.from(name)).setAuthTag(Buffer.from(sealed.tag, 'base64'));
      return JSON.parse(Buffer.concat([cipher.update(sealed.data, 'base64'), cipher.final()]).toString());
    } catch {
      // What the cipher says could help nobody but an attacker.
      throw new RequestError(500, `The secret "${name}" in the log was changed by somebody else: it does not open.`);
    }
  }

  /** Read each time: the file may have been replaced, and keys need not stay in memory. */
  async #keys(create = false): Promise<Key[]> {
    const { keyText, keyFile } = this.#options;
    if (keyText !== undefined && keyText.trim() !== '') return parseKeys(keyText, 'MILLRACE_SECRETS_KEY');
    if (keyFile === null) {
      throw new RequestError(
        400,
        'Secrets need a key: set secrets.key.file of the worker, or MILLRACE_SECRETS_KEY in its environment.',
      );
    }
    try {
      return parseKeys(await readFile(keyFile, 'utf8'), keyFile);
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (error instanceof RequestError || !isAbsent) throw asRequestError(error, keyFile);
      // Secrets that are there already were encrypted with a key that is gone; a new one would hide that.
      if (!create || this.#sealed.size > 0)
        throw new RequestError(400, `The key of the secrets, ${keyFile}, is not there.`);
    }
    const text = `${randomBytes(KEY_BYTES).toString('base64')}\n`;
    await writeFile(keyFile, text, { mode: 0o600, flag: 'wx' });
    return parseKeys(text, keyFile);
  }
}

const byName = (a: SecretInfo, b: SecretInfo) => (a.name < b.name ? -1 : 1);

function asRequestError(error: unknown, keyFile: string): RequestError {
  return error instanceof RequestError
    ? error
    : new RequestError(500, `The key of the secrets, ${keyFile}, cannot be read: ${messageOf(error)}.`);
}

function parseKeys(text: string, where: string): Key[] {
  const lines = text.split(/\s+/).filter((line) => line !== '');
  const keys = lines.map((line) => Buffer.from(line, /^[0-9a-fA-F]{64}$/.test(line) ? 'hex' : 'base64'));
  if (keys.length === 0 || keys.some(({ length }) => length !== KEY_BYTES)) {
    throw new RequestError(
      400,
      `${where} must hold keys of ${KEY_BYTES} bytes in base64 or hex, one a line: openssl rand -base64 ${KEY_BYTES}.`,
    );
  }
  return keys.map((bytes) => ({ bytes, id: createHash('sha256').update(bytes).digest('hex').slice(0, KEY_ID_DIGITS) }));
}

function seal(name: string, values: Values, key: Key): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, iv).setAAD(Buffer.from(name));
  const data = Buffer.concat([cipher.update(JSON.stringify(values)), cipher.final()]).toString('base64');
  const tag = cipher.getAuthTag().toString('base64');
  return {
    keys: Object.keys(values).sort(),
    updated: Date.now(),
    key_id: key.id,
    iv: iv.toString('base64'),
    tag,
    data,
  };
}

/** What can stand between the colons of a reference. */
function assertName(name: string): void {
  if (/^[\w.-]{1,200}$/.test(name)) return;
  throw new RequestError(
    400,
    `${JSON.stringify(name)} is no name for a secret: use letters, digits, dots, dashes and underscores.`,
  );
}
