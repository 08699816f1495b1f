/**
 * The second depth: resolves references and lets each connector look at the world it would meet. Changes nothing.
 */
import type { ConfigProblem } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import { within } from '../worker/backoff.ts';
import type { ConfigProviders } from '../worker/config-providers.ts';
import { type ConnectorPlan, planConnector, type Raw } from '../worker/plan.ts';
import type { ConnectorFile, Finding } from './connector-file.ts';
import type { Rules } from './lint.ts';

/** What is needed to look at the world. */
export interface Reach extends Rules {
  readonly providers: ConfigProviders;
}

/** A server that does not answer by then is a finding. */
const CHECK_TIMEOUT_MS = 15_000;

/** A plan with its references resolved, or what stands in its way. */
export async function planFile(
  file: ConnectorFile,
  reach: Reach,
): Promise<{ readonly plan: ConnectorPlan } | { readonly findings: readonly Finding[] }> {
  const { resolved, problems: unresolved } = await reach.providers.resolve(file.config);
  const { plan, problems } = planConnector(reach.plugins, resolved, reach.worker);
  const all = [...unresolved, ...problems.filter(({ key }) => !unresolved.some((each) => each.key === key))];
  if (plan !== null && all.length === 0) return { plan };
  return { findings: all.map((problem) => findingOf(file, unresolve(problem, file.config, resolved))) };
}

/** What one connector finds missing out there; empty when it would start. */
export async function checkFile(file: ConnectorFile, reach: Reach): Promise<readonly Finding[]> {
  const planned = await planFile(file, reach);
  if ('findings' in planned) return planned.findings;
  const { plugin, config } = planned.plan;
  try {
    const connector = await plugin.create();
    const problems = (await within('The check', CHECK_TIMEOUT_MS, connector.check?.(config))) ?? [];
    return problems.map((problem) => findingOf(file, unresolve(problem, file.config, config.raw)));
  } catch (error) {
    const problem = { key: 'connector.class', value: plugin.class, message: `The check failed: ${messageOf(error)}` };
    return [findingOf(file, problem)];
  }
}

function findingOf(file: ConnectorFile, problem: ConfigProblem): Finding {
  const place = file.placeOf(problem.key, 'value');
  return { severity: 'error', file: file.path, ...place, connector: file.name, ...problem };
}

/** A message quotes the reference, not what is behind it: that may be a secret. */
function unresolve(problem: ConfigProblem, written: Raw, resolved: Raw): ConfigProblem {
  const [reference, value] = [written[problem.key], resolved[problem.key]];
  if (reference === undefined || value === undefined || value === '' || reference === value) return problem;
  return { ...problem, value: reference, message: problem.message.replaceAll(value, reference) };
}
