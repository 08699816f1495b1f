/**
 * A connector as a file: `{"name": …, "config": {…}}` as `POST /connectors` takes it, or the flat map itself.
 *
 * Reads text, touches no disk. What is wrong with the file as a file is a finding with its place; what is wrong with the
 * config is lint.ts's business. `$schema` is for editors and never part of a config.
 */
import { closest } from '../../connectors/api/index.ts';
import { JsonSyntaxError, type Place, type Placed, parsePlaced } from './json-places.ts';

/** One thing that is wrong, and where. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly connector: string | null;
  /** The config key, or null where the file itself is at fault. */
  readonly key: string | null;
  readonly value: unknown;
  /** What is wrong and what would be right. */
  readonly message: string;
}

export interface ConnectorFile {
  readonly path: string;
  readonly name: string;
  /** As it is sent to the worker: every value is text, `name` is in it. */
  readonly config: Readonly<Record<string, string>>;
  /** In the words of `POST /connectors`; what a connector is created in. */
  readonly initialState: 'RUNNING' | 'PAUSED' | 'STOPPED';
  /** Where a key stands, or its value; where the key is missing, the brace that opens the config. */
  placeOf(key: string, part: 'key' | 'value'): Place;
}

export interface ReadFile {
  /** Null when the file could not be made sense of. */
  readonly file: ConnectorFile | null;
  readonly findings: readonly Finding[];
}

const states = ['RUNNING', 'PAUSED', 'STOPPED'] as const;
const wrapperKeys = ['$schema', 'name', 'config', 'initial_state'];

/** True for the files of a folder that hold connectors: `*.json`, but neither their tests nor the editor's schema. */
export function isConnectorFile(name: string): boolean {
  return name.endsWith('.json') && !/^\.|\.(test|schema)\.json$/.test(name);
}

/** Reads one file's text. */
export function readConnectorFile(path: string, text: string): ReadFile {
  try {
    return new FileReader(path, parsePlaced(text)).read();
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const fault = { key: null, value: null, connector: null, message: error.message };
    return { file: null, findings: [{ severity: 'error', file: path, ...error.at, ...fault }] };
  }
}

class FileReader {
  readonly #path: string;
  readonly #root: Placed;
  readonly #config: Placed;
  readonly #isWrapped: boolean;
  readonly #findings: Finding[] = [];

  constructor(path: string, root: Placed) {
    this.#path = path;
    this.#root = root;
    const config = root.members.get('config')?.node;
    this.#isWrapped = config !== undefined && isObject(config.value);
    this.#config = this.#isWrapped ? config! : root;
  }

  read(): ReadFile {
    if (!isObject(this.#root.value)) {
      this.#fault(this.#root.at, null, null, 'A connector file holds one JSON object: wrap its content in { … }.');
      return { file: null, findings: this.#findings };
    }
    this.#judgeRepeated();
    if (this.#isWrapped) this.#judgeWrapper();
    const initialState = this.#initialState();
    const config = this.#texts();
    const name = this.#name(config);
    const placeOf = (key: string, part: 'key' | 'value'): Place => {
      const member = this.#config.members.get(key) ?? (key === 'name' ? this.#root.members.get('name') : undefined);
      if (member === undefined) return this.#config.at;
      return part === 'key' ? member.keyAt : member.node.at;
    };
    const findings = this.#findings.map((finding) => ({ ...finding, connector: name }));
    return { file: { path: this.#path, name, config: { ...config, name }, initialState, placeOf }, findings };
  }

  /** The name in the file, else the file's own. */
  #name(config: Readonly<Record<string, string>>): string {
    const outside = this.#isWrapped ? this.#root.value : {};
    const { name } = outside as { name?: unknown };
    const own = (this.#path.split(/[/\\]/).at(-1) ?? '').replace(/\.json$/, '');
    const isText = typeof name === 'string' && name.trim() !== '';
    if (name !== undefined && !isText) {
      this.#fault(this.#root.members.get('name')!.node.at, 'name', name, '"name" is no text. Put it in quotes.');
    }
    if (isText && config.name !== undefined && config.name !== name) {
      const message = `The file is called "${name}" and its config "${config.name}". Remove one of the two names.`;
      this.#fault(this.#config.members.get('name')!.node.at, 'name', config.name, message);
    }
    return (isText ? name : (config.name ?? own)).trim();
  }

  #texts(): Record<string, string> {
    const config: Record<string, string> = {};
    for (const [key, { node }] of this.#config.members) {
      if (key === '$schema' || (!this.#isWrapped && key === 'initial_state')) continue;
      const { value } = node;
      if (typeof value === 'string') config[key] = value;
      else if (typeof value === 'number' || typeof value === 'boolean') config[key] = String(value);
      else {
        const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
        const fix = value === null ? 'Remove the key, or give it a value.' : 'Values are text: write it in quotes.';
        this.#fault(node.at, key, value, `The value of "${key}" is ${kind}. ${fix}`);
      }
    }
    return config;
  }

  #initialState(): ConnectorFile['initialState'] {
    const node = this.#root.members.get('initial_state')?.node;
    if (node === undefined) return 'RUNNING';
    const state = states.find((each) => each === String(node.value).toUpperCase());
    if (state !== undefined) return state;
    const message = `"initial_state" is ${JSON.stringify(node.value)}; it must be RUNNING, PAUSED or STOPPED.`;
    this.#fault(node.at, 'initial_state', node.value, message);
    return 'RUNNING';
  }

  #judgeWrapper(): void {
    for (const [name, { keyAt, node }] of this.#root.members) {
      if (wrapperKeys.includes(name)) continue;
      const hint = closest(name, wrapperKeys);
      const advice =
        hint === null ? `A connector is ${wrapperKeys.join(', ')}; move it into "config".` : `Did you mean "${hint}"?`;
      this.#fault(keyAt, name, node.value, `Unknown key "${name}" beside "config". ${advice}`);
    }
  }

  #judgeRepeated(): void {
    const objects = this.#isWrapped ? [this.#root, this.#config] : [this.#root];
    for (const { name, at } of objects.flatMap(({ repeated }) => repeated)) {
      this.#fault(at, name, null, `"${name}" stands twice; only the last one would count. Remove one.`);
    }
  }

  #fault(at: Place, key: string | null, value: unknown, message: string): void {
    this.#findings.push({ severity: 'error', file: this.#path, ...at, connector: null, key, value, message });
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
