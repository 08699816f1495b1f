/**
 * Configuration and mode of a subject, a context or everything: what is set, what is in force, and how it changes.
 *
 * In force is what the subject says, else its context (for the default one: everything, `null`), else the context
 * `.__GLOBAL`, else the default. What is not set is 404, because clients take that as "first time".
 */
import { assertValidRuleSet } from './data-contract.ts';
import { errors } from './errors.ts';
import {
  COMPATIBILITY_LEVELS,
  COMPATIBILITY_POLICIES,
  type CompatibilityLevel,
  MODES,
  type Mode,
  SOUND_POLICIES,
  type SubjectConfig,
} from './model.ts';
import type { RegistryState } from './state.ts';
import {
  encodeClearSubjectValue,
  encodeConfigValue,
  encodeKey,
  encodeModeValue,
  type LogKey,
} from './store/topic-format.ts';
import {
  assertValidScope,
  contextOf,
  DEFAULT_CONTEXT,
  GLOBAL_CONTEXT,
  matchesPrefix,
  parseSubjectName,
} from './subject-name.ts';
import type { KeyedValue, RegistryWriter } from './writer.ts';

/** A change of configuration as sent: null clears a member, an absent one is kept. */
export type ConfigChange = { readonly [Member in keyof SubjectConfig]?: unknown };

export class Settings {
  readonly #state: RegistryState;
  readonly #writer: RegistryWriter;
  readonly #defaultLevel: CompatibilityLevel;

  constructor(state: RegistryState, writer: RegistryWriter, defaultLevel: CompatibilityLevel) {
    this.#state = state;
    this.#writer = writer;
    this.#defaultLevel = defaultLevel;
  }

  /**
   * What is in force for a subject; every member that has a default has a value. A subject with a configuration of its
   * own inherits how it is checked, but neither alias nor metadata and rules, as in Confluent's.
   */
  configInForce(subject: string | null): SubjectConfig & { readonly compatibilityLevel: CompatibilityLevel } {
    const [own, ...outer] = scopesOf(subject).map((scope) => this.#state.config(scope));
    const around = outer.find((config) => config !== undefined) ?? {};
    const inherited = own === undefined ? around : withoutOwned(around);
    return { compatibilityLevel: this.#defaultLevel, ...inherited, ...own };
  }

  /** The subject that this one is another name of; null when it stands for itself. */
  aliasOf(subject: string): string | null {
    return this.#state.config(subject)?.alias || null;
  }

  modeInForce(subject: string | null): Mode {
    for (const scope of scopesOf(subject)) {
      const mode = this.#state.mode(scope);
      if (mode !== undefined) return mode;
    }
    return 'READWRITE';
  }

  /** What is set, for everything: with defaults; for a subject: 40408 unless `defaultToGlobal`. */
  config(subject: string | null, defaultToGlobal: boolean): SubjectConfig {
    if (subject === null || defaultToGlobal) return this.configInForce(subject);
    const config = this.#state.config(subject);
    if (config === undefined) {
      if (isGlobalContext(subject)) return this.configInForce(subject);
      throw errors.configNotFound(subject);
    }
    return { compatibilityLevel: this.configInForce(subject).compatibilityLevel, ...config };
  }

  mode(subject: string | null, defaultToGlobal: boolean): Mode {
    if (subject === null || defaultToGlobal) return this.modeInForce(subject);
    const mode = this.#state.mode(subject);
    if (mode === undefined) {
      if (isGlobalContext(subject)) return 'READWRITE';
      throw errors.modeNotFound(subject);
    }
    return mode;
  }

  /** 42203, 42205, 42208, 42210. */
  async putConfig(subject: string | null, change: ConfigChange): Promise<SubjectConfig> {
    if (subject !== null) assertValidScope(subject);
    return this.#writer.exclusive(async () => {
      const checked = validated(change);
      this.assertWritable(subject);
      const merged: Record<string, unknown> = { ...this.#state.config(subject), ...checked };
      for (const [member, value] of Object.entries(merged)) if (value === null) delete merged[member];
      const config = merged as SubjectConfig;
      await this.#writer.append([
        { key: encodeKey({ keytype: 'CONFIG', subject }), value: encodeConfigValue(subject, config) },
      ]);
      return config;
    });
  }

  /** Returns what was set. 40401 when nothing was, 42205. */
  async deleteConfig(subject: string | null): Promise<SubjectConfig> {
    return this.#writer.exclusive(async () => {
      const config = this.#state.config(subject);
      if (config === undefined && subject !== null) throw errors.subjectNotFound(subject);
      this.assertWritable(subject);
      await this.#writer.append(this.tombstones({ keytype: 'CONFIG', subject }));
      return config ?? this.configInForce(null);
    });
  }

  /**
   * Null goes back to what is inherited; `force` sets IMPORT although there are live subjects. 42204, 42205, 42206
   * where others refer to what IMPORT would forget, 42208.
   */
  async putMode(subject: string | null, wanted: unknown, force: boolean): Promise<Mode | null> {
    if (subject !== null) assertValidScope(subject);
    const mode = wanted === null ? null : MODES.find((known) => known === wanted);
    if (mode === undefined) throw errors.invalidMode();
    if (mode === 'FORWARD' && (subject === null || !isGlobalContext(subject))) throw errors.forwardMode();
    return this.#writer.exclusive(async () => {
      const isImport = mode === 'IMPORT' && this.modeInForce(subject) !== 'IMPORT' && !force;
      if (isImport) this.#assertEmpty(subject);
      await this.#writer.append([
        ...(isImport ? this.#leftovers(subject) : []),
        ...(mode === null
          ? this.tombstones({ keytype: 'MODE', subject })
          : [{ key: encodeKey({ keytype: 'MODE', subject }), value: encodeModeValue(subject, mode) }]),
      ]);
      return mode;
    });
  }

  /**
   * Returns what was set. Recursive: also that of every subject of the context; then null says that the context itself
   * had none. Else 40401 when there is nothing.
   */
  async deleteMode(subject: string | null, recursive = false): Promise<Mode | null> {
    return this.#writer.exclusive(async () => {
      const mode = this.#state.mode(subject);
      if (mode === undefined && subject !== null && !isGlobalContext(subject) && !recursive)
        throw errors.subjectNotFound(subject);
      const isContext = subject === null || parseSubjectName(subject).subject === '';
      const below = recursive && isContext ? this.#state.modeScopes().filter((scope) => isBelow(scope, subject)) : [];
      const scopes = [...new Set([subject, ...below])];
      await this.#writer.append(scopes.flatMap((scope) => this.tombstones({ keytype: 'MODE', subject: scope })));
      return mode ?? (subject === null ? 'READWRITE' : null);
    });
  }

  /** Throws 42205 where the mode lets nothing be changed. */
  assertWritable(subject: string | null): void {
    const mode = this.modeInForce(subject);
    if (mode === 'READONLY' || mode === 'READONLY_OVERRIDE') throw errors.readOnly(subject, mode);
  }

  /** Tombstones under every spelling a record was kept as. */
  tombstones(key: LogKey): { key: Buffer; value: null }[] {
    return this.#state.keyBytes(key).map((bytes) => ({ key: bytes, value: null }));
  }

  /** What soft deletion left in the place of an import goes for good, or its versions could not be written again. */
  #leftovers(scope: string | null): KeyedValue[] {
    return this.#state.subjectNames().flatMap((subject) => {
      if (!scopesOf(subject).includes(scope)) return [];
      const deleted = this.#state.versions(subject).filter((version) => version.deleted);
      for (const { version } of deleted) {
        if (this.#state.referrers(subject, version).length > 0) throw errors.referenceExists(subject, version);
      }
      if (deleted.length === 0) return [];
      return [
        ...deleted.flatMap(({ version }) => this.tombstones({ keytype: 'SCHEMA', subject, version })),
        { key: encodeKey({ keytype: 'CLEAR_SUBJECT', subject }), value: encodeClearSubjectValue(subject) },
      ];
    });
  }

  #assertEmpty(scope: string | null): void {
    for (const subject of this.#state.subjectNames()) {
      if (!scopesOf(subject).includes(scope)) continue;
      if (this.#state.versions(subject).some(({ deleted }) => !deleted)) {
        throw errors.notPermitted(
          `Mode IMPORT wants an empty place, but subject '${subject}' is there. Use force=true to set it all the same.`,
        );
      }
    }
  }
}

/** Where a subject's settings are looked for, nearest first. */
function scopesOf(subject: string | null): (string | null)[] {
  const everywhere = `:${GLOBAL_CONTEXT}:`;
  if (subject === null) return [null, everywhere];
  const context = contextOf(subject);
  return [...new Set([subject, context === DEFAULT_CONTEXT ? null : `:${context}:`, everywhere])];
}

/** What nobody inherits who has a configuration of their own. */
const OWNED = new Set([
  'alias',
  'aliasForDeks',
  'defaultMetadata',
  'overrideMetadata',
  'defaultRuleSet',
  'overrideRuleSet',
]);

function withoutOwned(config: SubjectConfig): SubjectConfig {
  return Object.fromEntries(Object.entries(config).filter(([member]) => !OWNED.has(member)));
}

function isGlobalContext(scope: string): boolean {
  return scope === `:${GLOBAL_CONTEXT}:`;
}

function isBelow(scope: string, context: string | null): boolean {
  return context !== null && isGlobalContext(context) ? true : matchesPrefix(scope, context ?? '');
}

const TEXTS = ['compatibilityGroup', 'alias', 'aliasForDeks'] as const;
const SWITCHES = ['normalize', 'validateFields', 'validateNewSchemas', 'validateRules'] as const;
const OBJECTS = ['defaultMetadata', 'overrideMetadata', 'defaultRuleSet', 'overrideRuleSet'] as const;

/** The members that are known, each of the right type, or 42203. */
function validated(change: ConfigChange): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  const take = (member: keyof SubjectConfig, isRight: (value: unknown) => boolean, what: string): void => {
    const value = change[member];
    if (value === undefined) return;
    if (value !== null && !isRight(value)) {
      throw errors.invalidLevel(`Invalid value '${String(value)}' for ${member}. Valid values are ${what}.`);
    }
    known[member] = value;
  };
  const oneOf = (list: readonly unknown[]) => (value: unknown) => list.includes(value);
  const { compatibilityLevel } = change;
  if (
    compatibilityLevel !== null &&
    compatibilityLevel !== undefined &&
    !oneOf(COMPATIBILITY_LEVELS)(compatibilityLevel)
  )
    throw errors.invalidCompatibilityLevel();
  if (compatibilityLevel !== undefined) known.compatibilityLevel = compatibilityLevel;
  take('compatibilityPolicy', oneOf(COMPATIBILITY_POLICIES), COMPATIBILITY_POLICIES.join(', '));
  const isTexts = (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === 'string');
  take('requiredTags', isTexts, 'a list of tags');
  take('soundPolicy', oneOf(SOUND_POLICIES), SOUND_POLICIES.join(', '));
  for (const member of TEXTS) take(member, (value) => typeof value === 'string', 'a string');
  for (const member of SWITCHES) take(member, (value) => typeof value === 'boolean', 'true and false');
  for (const member of OBJECTS) take(member, (value) => typeof value === 'object', 'an object');
  assertValidRuleSet(change.defaultRuleSet as SubjectConfig['defaultRuleSet']);
  assertValidRuleSet(change.overrideRuleSet as SubjectConfig['overrideRuleSet']);
  return known;
}
