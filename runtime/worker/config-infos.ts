/**
 * Kafka Connect's JSON for configs: ConfigKeyInfo, ConfigValueInfo, ConfigInfos, as `validate` and
 * `/connector-plugins/{p}/config` answer them.
 */
import type { ConfigDef, ConfigKey, ConfigProblem } from '../../connectors/api/index.ts';
import type { Raw, Section } from './plan.ts';

export interface ConfigKeyInfo {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default_value: string | null;
  readonly importance: string;
  readonly documentation: string;
  readonly group: string | null;
  readonly order_in_group: number;
  readonly width: string;
  readonly display_name: string;
  readonly dependents: readonly string[];
}

export interface ConfigValueInfo {
  readonly name: string;
  readonly value: string | null;
  readonly recommended_values: readonly string[];
  readonly errors: readonly string[];
  readonly visible: boolean;
}

export interface ConfigInfos {
  readonly name: string;
  readonly error_count: number;
  readonly groups: readonly string[];
  readonly configs: readonly { readonly definition: ConfigKeyInfo; readonly value: ConfigValueInfo }[];
}

export function keyInfos(def: ConfigDef, group: string | null = null, prefix = ''): ConfigKeyInfo[] {
  const declared = Object.entries(def).filter(([name]) => !name.endsWith('.*'));
  return declared.map(([name, key], index) => keyInfo(prefix + name, key, key.group ?? group, index + 1));
}

function keyInfo(name: string, key: ConfigKey, group: string | null, order: number): ConfigKeyInfo {
  return {
    name,
    type: key.type.toUpperCase(),
    required: key.default === undefined,
    default_value: defaultText(key),
    importance: (key.importance ?? 'low').toUpperCase(),
    documentation: key.doc,
    group,
    order_in_group: order,
    width: 'NONE',
    display_name: key.displayName ?? name,
    dependents: [],
  };
}

function defaultText(key: ConfigKey): string | null {
  if (key.default == null) return null;
  if (key.type === 'password') return '[hidden]';
  return Array.isArray(key.default) ? key.default.join(',') : String(key.default);
}

/** `raw` is shown as the user wrote it, secrets hidden. Problems of undeclared keys get an entry of their own. */
export function configInfos(
  name: string,
  sections: readonly Section[],
  raw: Raw,
  problems: readonly ConfigProblem[],
): ConfigInfos {
  const configs = new Map<string, ConfigInfos['configs'][number]>();
  for (const { prefix, def, group } of sections) {
    for (const definition of keyInfos(def, group, prefix)) {
      if (configs.has(definition.name)) continue;
      const key = def[definition.name.slice(prefix.length)]!;
      configs.set(definition.name, { definition, value: valueInfo(definition, key, raw, problems) });
    }
  }
  for (const { key } of problems) {
    if (configs.has(key)) continue;
    const declared: ConfigKey = { type: 'string', default: null, doc: '' };
    const definition = keyInfo(key, declared, null, 0);
    configs.set(key, { definition, value: valueInfo(definition, declared, raw, problems) });
  }
  return {
    name,
    error_count: problems.length,
    groups: [...new Set(sections.map(({ group }) => group))],
    configs: [...configs.values()],
  };
}

function valueInfo(
  { name, default_value }: ConfigKeyInfo,
  key: ConfigKey,
  raw: Raw,
  problems: readonly ConfigProblem[],
): ConfigValueInfo {
  const given = raw[name];
  return {
    name,
    value: given === undefined ? default_value : key.type === 'password' ? '[hidden]' : given,
    recommended_values: key.oneOf ?? [],
    errors: problems.filter((problem) => problem.key === name).map(({ message }) => message),
    visible: true,
  };
}
