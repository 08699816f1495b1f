/**
 * Migration rules of a subject's versions, run by who reads with another version than the record was written with:
 * Confluent's data contracts ("schema migration rules"; JSONATA, CEL, CEL_FIELD).
 *
 * Upgrading from version 2 to 4 runs the rules UPGRADE (or UPDOWN) of 3, then of 4; downgrading from 4 to 2 the rules
 * DOWNGRADE of 4, then of 3, each version's in the opposite order.
 */
import type { RegisteredSchema, SchemaRegistry } from '../api/index.ts';
import { actionOf, type DataRule, dataRules, failRule, unableToRun } from './data-rules.ts';
import { openJsonata } from './jsonata.ts';

/** What a record of the one version becomes in the other. Rejects with RuleError. */
export type Migration = (message: unknown) => Promise<unknown>;

/** Versions between two that are walked; each is asked of the registry, once. */
const MOST_VERSIONS = 1000;

/**
 * From the version of `subject` that has the id `from` to the version `to`; null where no rule has anything to do, or the
 * record's schema is none of the subject's. Throws ConfigError for a rule that cannot be run here.
 */
export async function migrationBetween(
  registry: SchemaRegistry,
  subject: string,
  from: number,
  to: number,
): Promise<Migration | null> {
  const found = await registry.versionsOf?.(from);
  const version = found?.findLast((each) => each.subject === subject)?.version;
  if (version === undefined || registry.version === undefined || version === to) return null;
  const isUpgrade = version < to;
  const [low, high] = isUpgrade ? [version, to] : [to, version];
  if (high - low > MOST_VERSIONS) {
    throw unableToRun(`Subject ${subject}`, `has more than ${MOST_VERSIONS} versions between ${low} and ${high}`);
  }
  const steps: Migration[] = [];
  for (let number = low + 1; number <= high; number++) {
    const schema = await registry.version(subject, number);
    steps.push(...stepsOf(schema, `Version ${number} of ${subject}`, isUpgrade));
  }
  if (steps.length === 0) return null;
  const ordered = isUpgrade ? steps : steps.reverse();
  return async (message) => {
    let current = message;
    for (const step of ordered) current = await step(current);
    return current;
  };
}

/** In the order in which the version lists them. */
function stepsOf(schema: RegisteredSchema, what: string, isUpgrade: boolean): Migration[] {
  const modes = ['UPDOWN', isUpgrade ? 'UPGRADE' : 'DOWNGRADE'];
  return (schema.ruleSet?.migrationRules ?? [])
    .filter(({ disabled, mode }) => disabled !== true && modes.includes(mode ?? ''))
    .map((rule) => {
      const action = actionOf(rule, isUpgrade ? 'first' : 'second', what);
      return rule.type === 'JSONATA'
        ? jsonataStep(rule, action, what)
        : celStep(schema, { ...rule, onFailure: action }, what);
    });
}

function jsonataStep(rule: DataRule, action: string, what: string): Migration {
  let program: Migration;
  try {
    program = openJsonata(rule.expr ?? '');
  } catch (error) {
    throw unableToRun(`${what} has the rule "${rule.name}", which`, `is no JSONata: ${(error as Error).message}`);
  }
  return async (message) => {
    let result: unknown;
    try {
      result = await program(message);
    } catch (cause) {
      failRule(rule, action, `it cannot be evaluated (${(cause as Error).message})`, cause);
      return message;
    }
    if (rule.kind === 'CONDITION') {
      if (result === false) failRule(rule, action, 'it does not hold');
      return message;
    }
    if (result !== undefined && result !== null) return result;
    failRule(rule, action, 'it makes nothing of the message');
    return message;
  };
}

function celStep(schema: RegisteredSchema, rule: DataRule, what: string): Migration {
  const rules = dataRules({ ...schema, ruleSet: { domainRules: [{ ...rule, mode: 'WRITE' }] } }, what);
  return async (message) => (rules === null ? message : rules.apply('write', message));
}
