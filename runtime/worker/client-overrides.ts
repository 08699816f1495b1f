/**
 * Who may override which client settings (`connector.client.config.override.policy`, KIP-458 and KIP-1188): judged when a
 * connector's config is judged. The policies are Kafka Connect's four; a policy class of one's own cannot be had.
 */
import { type ConfigProblem, closest } from '../../connectors/api/index.ts';
import type { Raw } from './plan.ts';

const POLICY = 'connector.client.config.override.policy';
const ALLOWLIST = 'connector.client.config.override.allowlist';
const policies = ['All', 'None', 'Principal', 'Allowlist'] as const;
type Policy = (typeof policies)[number];

/** What an operator may let a connector say about who it is. */
const principalKeys: ReadonlySet<string> = new Set(['sasl.jaas.config', 'sasl.mechanism', 'security.protocol']);
const javaName = /^org\.apache\.kafka\.connect\.connector\.policy\.(\w+)ConnectorClientConfigOverridePolicy$/;

/** A sentence about a policy that is none, or null. For the worker's own config. */
export function policyProblem(value: unknown): string | null {
  if (policyOf(String(value)) !== null) return null;
  const hint = closest(String(value), policies);
  return `is no policy; ${hint === null ? `use one of ${policies.join(', ')}` : `did you mean ${hint}?`}`;
}

/** `raw` is the connector's config, `worker` the worker's, both as written. */
export function overrideProblems(raw: Raw, worker: Raw): ConfigProblem[] {
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

function policyOf(name: string): Policy | null {
  const short = javaName.exec(name.trim())?.[1] ?? name.trim();
  return policies.find((each) => each.toLowerCase() === short.toLowerCase()) ?? null;
}
