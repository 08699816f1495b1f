/**
 * The client settings that a connector brings along (`producer.override.`, `consumer.override.`, `admin.override.`): who
 * may (`connector.client.config.override.policy`, KIP-458 and KIP-1188), whether they are any good, and which have no
 * effect. Judged when a connector's config is judged. The policies are Kafka Connect's four; a class of one's own cannot
 * be had.
 */
import { type ConfigDef, type ConfigProblem, closest, parseConfig, unknownKeys } from '../../connectors/api/index.ts';
import { type ClientKind, clientKeys } from './client-keys.ts';
import { withPrefix } from './keys.ts';
import type { Raw } from './plan.ts';

const POLICY = 'connector.client.config.override.policy';
const ALLOWLIST = 'connector.client.config.override.allowlist';
const policies = ['All', 'None', 'Principal', 'Allowlist'] as const;
type Policy = (typeof policies)[number];

/** What an operator may let a connector say about who it is. */
const principalKeys: ReadonlySet<string> = new Set(['sasl.jaas.config', 'sasl.mechanism', 'security.protocol']);
const javaName = /^org\.apache\.kafka\.connect\.connector\.policy\.(\w+)ConnectorClientConfigOverridePolicy$/;
const kinds: readonly ClientKind[] = ['producer', 'consumer', 'admin'];

/** A sentence about a policy that is none, or null. For the worker's own config. */
export function policyProblem(value: unknown): string | null {
  if (policyOf(String(value)) !== null) return null;
  const hint = closest(String(value), policies);
  return `is no policy; ${hint === null ? `use one of ${policies.join(', ')}` : `did you mean ${hint}?`}`;
}

export interface JudgedOverrides {
  readonly problems: readonly ConfigProblem[];
  /** Names that no client of Kafka's knows: config.unknown.keys says what becomes of them. */
  readonly unknown: readonly ConfigProblem[];
  /** Settings that are accepted and do nothing, each with the reason. */
  readonly warnings: readonly ConfigProblem[];
}

/** `raw` is the connector's config, `worker` the worker's, both as written. */
export function judgeOverrides(raw: Raw, worker: Raw): JudgedOverrides {
  const judged = judgeClients((kind) => `${kind}.override.`, raw);
  return { ...judged, problems: [...policyProblems(raw, worker), ...judged.problems] };
}

/** The worker's own client settings, for all its connectors (`producer.acks`). */
export function judgeWorkerClients(worker: Raw): JudgedOverrides {
  return judgeClients((kind) => `${kind}.`, worker);
}

function judgeClients(prefixOf: (kind: ClientKind) => string, raw: Raw): JudgedOverrides {
  const judged = kinds.map((kind) => judgeClient(kind, prefixOf(kind), raw));
  return {
    problems: judged.flatMap(({ problems }) => problems),
    unknown: judged.flatMap(({ unknown }) => unknown),
    warnings: judged.flatMap(({ warnings }) => warnings),
  };
}

function policyProblems(raw: Raw, worker: Raw): ConfigProblem[] {
  const policy = policyOf(worker[POLICY] ?? 'All') ?? 'All';
  if (policy === 'All') return [];
  const listed = new Set((worker[ALLOWLIST] ?? '').split(/\s*,\s*/));
  return Object.keys(raw).flatMap((key) => {
    const [, setting] = /^(?:producer|consumer|admin)\.override\.(.+)$/.exec(key) ?? [];
    if (setting === undefined) return [];
    const isAllowed =
      policy === 'Principal' ? principalKeys.has(setting) : policy === 'Allowlist' && listed.has(setting);
    if (isAllowed) return [];
    const message = `The '${policy}' policy does not allow '${setting}' to be overridden: remove "${key}", or change ${POLICY} of the worker.`;
    return [{ key, value: raw[key] ?? null, message }];
  });
}

function judgeClient(kind: ClientKind, prefix: string, raw: Raw): JudgedOverrides {
  const given = Object.fromEntries(Object.entries(raw).filter(([key]) => key.startsWith(prefix)));
  if (Object.keys(given).length === 0) return { problems: [], unknown: [], warnings: [] };
  const { applied, ignored } = clientKeys[kind];
  const all = withPrefix(Object.assign({}, applied, ...ignored.map(([, keys]) => keys)), prefix);
  const warnings = ignored.flatMap(([reason, keys]) =>
    Object.keys(given)
      .filter((name) => isDeclared(keys, name.slice(prefix.length)))
      .map((name) => ({ key: name, value: given[name]!, message: `"${name}" has no effect. ${reason}` })),
  );
  return { problems: parseConfig(all, given).problems, unknown: unknownKeys([all], given), warnings };
}

function isDeclared(def: ConfigDef, name: string): boolean {
  return name in def || Object.keys(def).some((key) => key.endsWith('.*') && name.startsWith(key.slice(0, -1)));
}

function policyOf(name: string): Policy | null {
  const short = javaName.exec(name.trim())?.[1] ?? name.trim();
  return policies.find((each) => each.toLowerCase() === short.toLowerCase()) ?? null;
}
