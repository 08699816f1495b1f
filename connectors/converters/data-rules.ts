/**
 * Data rules of a registered schema, run where records are written and read: Confluent's data contracts
 * (docs.confluent.io, "Data Contracts for Schema Registry").
 *
 * `domainRules` of type CEL (the whole message) and CEL_FIELD (each field, or those with one of the rule's tags), kind
 * CONDITION or TRANSFORM, in order when writing and in the opposite order when reading. Rules of other types that would
 * have to run are refused by name, because a record that silently skips its encryption is worse than one that fails.
 */
import { ConfigError, DataError, type RegisteredSchema } from '../api/index.ts';
import { type Cel, type CelProgram, celProblem, openCel } from '../transforms/cel.ts';
import { type Field, TaggedFields } from './tagged-fields.ts';

/** One rule, as the registry keeps it. */
export type DataRule = NonNullable<NonNullable<NonNullable<RegisteredSchema['ruleSet']>['domainRules']>[number]>;

/** A rule said no: `deadLetterTopic` is where it wants the record, null where it wants it refused. */
export class RuleError extends DataError {
  readonly rule: string;
  readonly deadLetterTopic: string | null;

  constructor(rule: string, message: string, deadLetterTopic: string | null, cause?: unknown) {
    super(message, { code: 'RULE_FAILED', ...(cause === undefined ? {} : { cause }) });
    this.rule = rule;
    this.deadLetterTopic = deadLetterTopic;
  }
}

type Side = 'write' | 'read';

interface Step {
  readonly rule: DataRule;
  readonly guard: CelProgram | null;
  readonly program: CelProgram;
  readonly action: string;
}

export class DataRules {
  readonly #fields: TaggedFields;
  readonly #steps: Readonly<Record<Side, readonly Step[]>>;

  constructor(fields: TaggedFields, steps: Readonly<Record<Side, readonly Step[]>>) {
    this.#fields = fields;
    this.#steps = steps;
  }

  /** True where there is anything to do; else records need not be parsed. */
  has(side: Side): boolean {
    return this.#steps[side].length > 0;
  }

  /** The message after the rules, which may have been changed in place. Throws RuleError. */
  apply(side: Side, message: unknown): unknown {
    let current = message;
    for (const step of this.#steps[side]) {
      current = step.rule.type === 'CEL_FIELD' ? this.#onFields(step, current) : onMessage(step, current);
    }
    return current;
  }

  #onFields(step: Step, message: unknown): unknown {
    const wanted = step.rule.tags ?? [];
    this.#fields.forEach(message, (field) => {
      if (wanted.length > 0 && !wanted.some((tag) => field.tags.has(tag))) return;
      onField(step, field, message);
    });
    return message;
  }
}

function onMessage(step: Step, message: unknown): unknown {
  const result = evaluated(step, { message });
  if (result === SKIPPED) return message;
  if (step.rule.kind === 'TRANSFORM') {
    if (result !== null && result !== undefined) return result;
    failRule(step.rule, step.action, `"${step.rule.expr}" makes nothing of the message`);
    return message;
  }
  assertTrue(step, result, `"${step.rule.expr}" does not hold`);
  return message;
}

function onField(step: Step, field: Field, message: unknown): void {
  const { name, fullName, typeName, tags, value } = field;
  const result = evaluated(step, { message, value, name, fullName, typeName, tags: [...tags] });
  if (result === SKIPPED) return;
  if (step.rule.kind === 'TRANSFORM') field.set(result);
  else assertTrue(step, result, `"${step.rule.expr}" does not hold for ${fullName}`);
}

const SKIPPED = Symbol('the guard does not hold');

function evaluated(step: Step, variables: Readonly<Record<string, unknown>>): unknown {
  try {
    if (step.guard !== null && step.guard.evaluate(variables) !== true) return SKIPPED;
    return step.program.evaluate(variables);
  } catch (cause) {
    failRule(
      step.rule,
      step.action,
      `"${step.rule.expr}" cannot be evaluated (${(cause as Error).message.split('\n')[0]})`,
      cause,
    );
    return SKIPPED;
  }
}

function assertTrue(step: Step, result: unknown, problem: string): void {
  if (result !== true) failRule(step.rule, step.action, problem);
}

/** Does what the rule's `onFailure` says (`action`): NONE lets the record pass. */
export function failRule(rule: DataRule, action: string, problem: string, cause?: unknown): void {
  if (action === 'NONE') return;
  const doc = rule.doc == null || rule.doc === '' ? '' : ` (${rule.doc})`;
  const topic = action === 'DLQ' ? (rule.params?.['dlq.topic'] ?? null) : null;
  throw new RuleError(rule.name, `Rule "${rule.name}"${doc}: ${problem}.`, topic, cause);
}

const SIDES: Readonly<Record<Side, readonly string[]>> = { write: ['WRITE', 'WRITEREAD'], read: ['READ', 'WRITEREAD'] };
const RUN_HERE = ['CEL', 'CEL_FIELD'];
const ACTIONS = ['ERROR', 'NONE', 'DLQ'];

/**
 * The rules of a schema, null where it has none that run. `roles` are those of who reads: a rule whose parameter
 * `except.roles` names one of them is not for it. Throws ConfigError for a rule that cannot be run here.
 */
export function dataRules(schema: RegisteredSchema, what: string, roles: readonly string[] = []): DataRules | null {
  const encoding = (schema.ruleSet?.encodingRules ?? []).find(({ disabled }) => disabled !== true);
  if (encoding !== undefined) throw unable(what, encoding, `is an encoding rule of type ${encoding.type ?? 'unknown'}`);
  const rules = (schema.ruleSet?.domainRules ?? []).filter(({ disabled }) => disabled !== true);
  if (rules.length === 0) return null;
  let cel: Cel | null = null;
  const stepsOf = (side: Side): Step[] =>
    rules
      .filter((rule) => SIDES[side].includes(rule.mode ?? 'WRITEREAD') && !isExcepted(rule, roles))
      .map((rule) => {
        cel ??= openCel(VARIABLES);
        return stepOf(cel, rule, side, what);
      });
  const [write, read] = [stepsOf('write'), stepsOf('read').reverse()];
  if (write.length + read.length === 0) return null;
  return new DataRules(new TaggedFields(JSON.parse(schema.schema), schema.metadata?.tags ?? {}), { write, read });
}

/**
 * The conditions on what is written that can be judged on the bytes as they arrive: those after the last rule that changes
 * the message, which has run by then. For who may not change records, the broker; other types of rules are not his.
 */
export function writeConditions(
  schema: {
    readonly schema: string;
    readonly metadata?: RegisteredSchema['metadata'] | null;
    readonly ruleSet?: RegisteredSchema['ruleSet'] | null;
  },
  what: string,
): ((message: unknown) => { readonly message: string; readonly deadLetterTopic: string | null } | null) | null {
  const { ruleSet, metadata } = schema;
  if (ruleSet == null || (ruleSet.encodingRules ?? []).some(({ disabled }) => disabled !== true)) return null;
  const written = (ruleSet.domainRules ?? []).filter(
    (rule) => rule.disabled !== true && SIDES.write.includes(rule.mode ?? 'WRITEREAD'),
  );
  const lastChange = written.findLastIndex(({ kind }) => kind === 'TRANSFORM');
  const domainRules = written.slice(lastChange + 1).filter(({ type }) => RUN_HERE.includes(type ?? ''));
  const tags = metadata?.tags == null ? {} : { metadata: { tags: metadata.tags } };
  const rules = dataRules({ schemaType: 'JSON', schema: schema.schema, ...tags, ruleSet: { domainRules } }, what);
  if (rules === null) return null;
  return (message) => {
    try {
      rules.apply('write', message);
      return null;
    } catch (error) {
      if (error instanceof RuleError) return { message: error.message, deadLetterTopic: error.deadLetterTopic };
      throw error;
    }
  };
}

const VARIABLES = { message: 'dyn', value: 'dyn', name: 'dyn', fullName: 'dyn', typeName: 'dyn', tags: 'dyn' };

function isExcepted(rule: DataRule, roles: readonly string[]): boolean {
  const excepted = (rule.params?.['except.roles'] ?? '').split(',').map((role) => role.trim());
  return roles.some((role) => excepted.includes(role));
}

/** `guard ; expression`: the expression counts only where the guard holds. */
function stepOf(cel: Cel, rule: DataRule, side: Side, what: string): Step {
  if (!RUN_HERE.includes(rule.type ?? '')) throw unable(what, rule, `is of type ${rule.type ?? 'unknown'}`);
  const text = rule.expr ?? '';
  const semicolon = text.indexOf(';');
  const guard = semicolon === -1 ? '' : text.slice(0, semicolon).trim();
  const parsed = (part: string): CelProgram => {
    try {
      return cel.parse(part);
    } catch (error) {
      throw unable(what, rule, celProblem(part, error));
    }
  };
  return {
    rule,
    guard: guard === '' ? null : parsed(guard),
    program: parsed(text.slice(semicolon + 1).trim()),
    action: actionOf(rule, side === 'write' ? 'first' : 'second', what),
  };
}

/** Rules for both ways may name two actions, `DLQ,NONE`: for writing and upgrading, for reading and downgrading. */
export function actionOf(rule: DataRule, which: 'first' | 'second', what: string): string {
  const [first = '', second = first] = (rule.onFailure ?? '').split(',').map((each) => each.trim().toUpperCase());
  const action = (which === 'first' ? first : second) || 'ERROR';
  if (ACTIONS.includes(action)) return action;
  throw unable(what, rule, `has onFailure ${action}, where ${ACTIONS.join(', ')} are known`);
}

function unable(what: string, rule: DataRule, problem: string): ConfigError {
  return unableToRun(`${what} has the rule "${rule.name}", which cannot be run here: it`, problem);
}

/** A schema whose rules are not run here, and so neither written nor read. */
export function unableToRun(what: string, problem: string): ConfigError {
  return new ConfigError(
    `${what} ${problem}. Run here are CEL and CEL_FIELD, and JSONATA to migrate; ` +
      'disable the rule, or set rules.enabled=false to write and read without rules.',
  );
}
