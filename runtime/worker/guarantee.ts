/**
 * What a source can promise in this worker (KIP-618): exactly once or at least once, and what is wrong with a config that
 * asks for more. Pure; part of the plan.
 */
import type { Config, ConfigProblem, SourceConnectorPlugin } from '../../connectors/api/index.ts';
import type { Raw } from './plan.ts';

export interface Guarantee {
  readonly isExactlyOnce: boolean;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

export const atLeastOnce: Guarantee = { isExactlyOnce: false, problems: [], warnings: [] };

const SUPPORT = 'exactly.once.support';
const BOUNDARY = 'transaction.boundary';

/** `raw` and `worker` as written: what was not given is not wrong. */
export function exactlyOnceOf(
  plugin: SourceConnectorPlugin,
  config: Config,
  settings: Config,
  raw: Raw,
  worker: Raw,
): Guarantee {
  const isEnabled = (worker['exactly.once.source.support'] ?? 'enabled').trim() === 'enabled';
  const declared = plugin.exactlyOnceSupport?.(config);
  const isExactlyOnce = isEnabled && declared === 'supported';
  const problem = (key: string, message: string): ConfigProblem => ({ key, value: raw[key] ?? null, message });
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  if (settings.string(SUPPORT) === 'required' && !isExactlyOnce) {
    problems.push(problem(SUPPORT, `"${SUPPORT}" is "required", but ${whyNot(plugin, isEnabled, declared)}`));
  }
  if (settings.string(BOUNDARY) === 'connector') {
    const canDefine = plugin.canDefineTransactionBoundaries?.(config) === true;
    const reason = !isExactlyOnce
      ? whyNot(plugin, isEnabled, declared)
      : `${plugin.class} does not say where its transactions end. Choose poll or interval.`;
    if (!isExactlyOnce || !canDefine) problems.push(problem(BOUNDARY, `"${BOUNDARY}" is "connector", but ${reason}`));
  } else if (raw[BOUNDARY] !== undefined && !isExactlyOnce) {
    warnings.push(problem(BOUNDARY, `"${BOUNDARY}" has no effect: ${whyNot(plugin, isEnabled, declared)}`));
  }
  return { isExactlyOnce, problems, warnings };
}

function whyNot(plugin: SourceConnectorPlugin, isEnabled: boolean, declared: string | undefined): string {
  if (!isEnabled) return 'exactly.once.source.support of this worker is not enabled.';
  return declared === undefined
    ? `${plugin.class} does not declare that it supports exactly once: it delivers at least once.`
    : `${plugin.class} does not support exactly once with this configuration: it delivers at least once.`;
}
