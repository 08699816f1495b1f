/**
 * Configuration and mode of a subject, a context or everything: what is set, what is in force, and how it changes.
 *
 * In force is what the subject says, else its context, else everything (`null`), else the default. What is not set is
 * 404, because clients take that as "first time".
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
import { contextOf, DEFAULT_CONTEXT } from './subject-name.ts';
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

  /** What is in force for a subject; every member that has a default has a value. */
  configInForce(subject: string | null): SubjectConfig & { readonly compatibilityLevel: CompatibilityLevel } {
    const layers = scopesOf(subject).map((scope) => this.#state.config(scope) ?? {});
    return Object.assign({ compatibilityLevel: this.#defaultLevel }, ...layers.reverse()) as SubjectConfig & {
      compatibilityLevel: CompatibilityLevel;
    };
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
    if (config === undefined) throw errors.configNotFound(subject);
    return config;
  }

  mode(subject: string | null, defaultToGlobal: boolean): Mode {
    if (subject === null || defaultToGlobal) return this.modeInForce(subject);
    const mode = this.#state.mode(subject);
    if (mode === undefined) throw errors.modeNotFound(subject);
    return mode;
  }

  async putConfig(subject: string | null, change: ConfigChange): Promise<SubjectConfig> {
    return this.#writer.exclusive(async () => {
      const merged: Record<string, unknown> = { ...this.#state.config(subject), ...validated(change) };
      for (const [member, value] of Object.entries(merged)) if (value === null) delete merged[member];
      const config = merged as SubjectConfig;
      await this.#writer.append([
        { key: encodeKey({ keytype: 'CONFIG', subject }), value: encodeConfigValue(subject, config) },
      ]);
      return config;
    });
  }

  /** Returns what was set. 40401 when nothing was. */
  async deleteConfig(subject: string | null): Promise<SubjectConfig> {
    return this.#writer.exclusive(async () => {
      const config = this.#state.config(subject);
      if (config === undefined && subject !== null) throw errors.subjectNotFound(subject);
      await this.#writer.append(this.tombstones({ keytype: 'CONFIG', subject }));
      return config ?? this.configInForce(null);
    });
  }

  /** `force` sets IMPORT although there are live subjects. */
  async putMode(subject: string | null, wanted: unknown, force: boolean): Promise<Mode> {
    const mode = MODES.find((known) => known === wanted);
    if (mode === undefined) {
      throw errors.invalidMode(`Invalid mode '${String(wanted)}'. Valid values are ${MODES.join(', ')}.`);
    }
    return this.#writer.exclusive(async () => {
      if (mode === 'IMPORT' && !force) this.#assertEmpty(subject);
      await this.#writer.append([
        ...(mode === 'IMPORT' ? this.#leftovers(subject) : []),
        { key: encodeKey({ keytype: 'MODE', subject }), value: encodeModeValue(subject, mode) },
      ]);
      return mode;
    });
  }

  /** Returns what was set. 40401 when nothing was. */
  async deleteMode(subject: string | null): Promise<Mode> {
    return this.#writer.exclusive(async () => {
      const mode = this.#state.mode(subject);
      if (mode === undefined && subject !== null) throw errors.subjectNotFound(subject);
      await this.#writer.append(this.tombstones({ keytype: 'MODE', subject }));
      return mode ?? 'READWRITE';
    });
  }

  /** Tombstones under every spelling a record was kept as. */
  tombstones(key: LogKey): { key: Buffer; value: null }[] {
    return this.#state.keyBytes(key).map((bytes) => ({ key: bytes, value: null }));
  }

  /** What soft deletion left in the place of an import goes for good, or its versions could not be written again. */
  #leftovers(scope: string | null): KeyedValue[] {
    return [...this.#state.subjectNames()].flatMap((subject) => {
      if (!scopesOf(subject).includes(scope)) return [];
      const deleted = this.#state.versions(subject).filter((version) => version.deleted);
      // What others refer to stays, as with every deletion.
      const isKept = deleted.some(({ version }) => this.#state.referrers(subject, version).length > 0);
      if (deleted.length === 0 || isKept) return [];
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
  if (subject === null) return [null];
  const context = contextOf(subject);
  return context === DEFAULT_CONTEXT ? [subject, null] : [...new Set([subject, `:${context}:`]), null];
}

const TEXTS = ['compatibilityGroup', 'alias'] as const;
const SWITCHES = ['normalize', 'validateFields', 'validateRules'] as const;
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
  take('compatibilityLevel', oneOf(COMPATIBILITY_LEVELS), COMPATIBILITY_LEVELS.join(', '));
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
