/**
 * Metadata and rules: how a subject's defaults and overrides meet what a schema brings, and what a rule set must be.
 *
 * Pure. The registry keeps rules and checks their shape; clients run them.
 */
import { errors } from './errors.ts';
import type { Metadata, Rule, RuleSet } from './model.ts';

/** Later ones win, member by member; sensitive names add up. */
export function mergeMetadata(...layers: readonly (Metadata | null | undefined)[]): Metadata | null {
  const present = layers.filter((layer) => layer != null);
  if (present.length <= 1) return present[0] ?? null;
  const tags = Object.assign({}, ...present.map((layer) => layer.tags ?? {})) as NonNullable<Metadata['tags']>;
  const properties = Object.assign({}, ...present.map((layer) => layer.properties ?? {})) as Record<string, string>;
  const sensitive = new Set(present.flatMap((layer) => layer.sensitive ?? []));
  return {
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(sensitive.size === 0 ? {} : { sensitive: [...sensitive].sort() }),
  };
}

/** Rules of later layers replace those of the same name. */
export function mergeRuleSets(...layers: readonly (RuleSet | null | undefined)[]): RuleSet | null {
  const present = layers.filter((layer) => layer != null);
  if (present.length <= 1) return present[0] ?? null;
  const merged = (pick: (ruleSet: RuleSet) => readonly Rule[] | null | undefined): readonly Rule[] => [
    ...new Map(present.flatMap((layer) => pick(layer) ?? []).map((rule) => [rule.name, rule])).values(),
  ];
  const enableAt = present.findLast((layer) => layer.enableAt != null)?.enableAt;
  return {
    migrationRules: merged((ruleSet) => ruleSet.migrationRules),
    domainRules: merged((ruleSet) => ruleSet.domainRules),
    encodingRules: merged((ruleSet) => ruleSet.encodingRules),
    ...(enableAt == null ? {} : { enableAt }),
  };
}

const KINDS = ['TRANSFORM', 'CONDITION'];
const MIGRATION_MODES = ['UPGRADE', 'DOWNGRADE', 'UPDOWN'];
const DOMAIN_MODES = ['WRITE', 'READ', 'WRITEREAD'];

/** Throws 42210 for a rule nobody could run. */
export function assertValidRuleSet(ruleSet: RuleSet | null | undefined): void {
  if (ruleSet == null) return;
  assertRules(ruleSet.migrationRules, 'migrationRules', MIGRATION_MODES);
  assertRules(ruleSet.domainRules, 'domainRules', DOMAIN_MODES);
  assertRules(ruleSet.encodingRules, 'encodingRules', DOMAIN_MODES);
}

function assertRules(rules: readonly Rule[] | null | undefined, list: string, modes: readonly string[]): void {
  const names = new Set<string>();
  for (const rule of rules ?? []) {
    if (typeof rule.name !== 'string' || rule.name === '')
      throw errors.invalidRuleSet(`a rule of ${list} has no name.`);
    if (names.has(rule.name)) throw errors.invalidRuleSet(`${list} holds two rules named '${rule.name}'.`);
    names.add(rule.name);
    if (rule.kind != null && !KINDS.includes(rule.kind)) {
      throw errors.invalidRuleSet(`the rule '${rule.name}' has kind '${rule.kind}'; it is one of ${KINDS.join(', ')}.`);
    }
    if (rule.mode != null && !modes.includes(rule.mode)) {
      throw errors.invalidRuleSet(
        `the rule '${rule.name}' of ${list} has mode '${rule.mode}'; it is one of ${modes.join(', ')}.`,
      );
    }
  }
}
