/**
 * Soft and permanent deletion of versions and subjects.
 *
 * Soft: hidden from lists, lookups and compatibility, but its id still resolves. Permanent: only after soft, its keys
 * are tombstoned; with the last version go the subject's config and mode. What others refer to stays.
 */
import { errors } from './errors.ts';
import type { SchemaVersion } from './model.ts';
import type { Settings } from './settings.ts';
import type { RegistryState } from './state.ts';
import { encodeDeleteSubjectValue, encodeKey, encodeSchemaValue } from './store/topic-format.ts';
import { contextOf } from './subject-name.ts';
import type { KeyedValue, RegistryWriter } from './writer.ts';

export interface DeletionParts {
  readonly state: RegistryState;
  readonly writer: RegistryWriter;
  readonly settings: Settings;
}

/** Returns the versions that were deleted. 40401, 40404, 40405, 42205, 42206. */
export async function deleteSubject(parts: DeletionParts, subject: string, permanent: boolean): Promise<number[]> {
  return parts.writer.exclusive(async () => {
    const all = parts.state.versions(subject);
    if (all.length === 0) throw errors.subjectNotFound(subject);
    const live = all.filter(({ deleted }) => !deleted);
    if (!permanent && live.length === 0) throw errors.subjectSoftDeleted(subject);
    parts.settings.assertWritable(subject);
    if (permanent && live.length > 0) throw errors.subjectNotSoftDeleted(subject);
    const versions = permanent ? all : live;
    // What refers only from within goes with it.
    for (const version of versions) assertNotReferenced(parts, version, permanent, subject);
    await parts.writer.append(permanent ? forgotten(parts, all.toReversed(), all) : [softDeleted(subject, live)]);
    return versions.map(({ version }) => version);
  });
}

/** `wanted` is a number or the latest live version. Returns the version. 40401, 40402, 40406, 40407, 42205, 42206. */
export async function deleteVersion(
  parts: DeletionParts,
  subject: string,
  wanted: number | 'latest',
  permanent: boolean,
): Promise<number> {
  return parts.writer.exclusive(async () => {
    const all = parts.state.versions(subject);
    if (all.length === 0) throw errors.subjectNotFound(subject);
    const version =
      wanted === 'latest' ? all.findLast(({ deleted }) => !deleted) : parts.state.version(subject, wanted);
    if (version === undefined) throw errors.versionNotFound(wanted);
    const number = version.version;
    if (!permanent && version.deleted) throw errors.versionSoftDeleted(subject, number);
    parts.settings.assertWritable(subject);
    assertNotReferenced(parts, version, permanent);
    if (permanent && !version.deleted) throw errors.versionNotSoftDeleted(subject, number);
    await parts.writer.append(
      permanent
        ? forgotten(parts, [version], all)
        : [
            {
              key: encodeKey({ keytype: 'SCHEMA', subject, version: number }),
              value: encodeSchemaValue({ ...version, deleted: true }),
            },
          ],
    );
    return number;
  });
}

/** Forgets a context that holds no subject, deleted ones included. 42211. */
export async function deleteContext({ state, writer }: DeletionParts, context: string): Promise<void> {
  await writer.exclusive(async () => {
    for (const subject of state.subjectNames()) {
      if (contextOf(subject) === context) throw errors.contextNotEmpty(context);
    }
    const key = { keytype: 'CONTEXT', context } as const;
    const known = state.keyBytes(key);
    await writer.append((known.length > 0 ? known : [encodeKey(key)]).map((bytes) => ({ key: bytes, value: null })));
  });
}

function softDeleted(subject: string, live: readonly SchemaVersion[]): KeyedValue {
  return {
    key: encodeKey({ keytype: 'DELETE_SUBJECT', subject }),
    value: encodeDeleteSubjectValue(subject, live.at(-1)?.version ?? 0),
  };
}

function forgotten(
  { settings }: DeletionParts,
  versions: readonly SchemaVersion[],
  all: readonly SchemaVersion[],
): KeyedValue[] {
  const tombstones = versions.flatMap(({ subject, version }) =>
    settings.tombstones({ keytype: 'SCHEMA', subject, version }),
  );
  if (versions.length < all.length) return tombstones;
  const subject = all[0]?.subject ?? '';
  return [
    ...tombstones,
    ...settings.tombstones({ keytype: 'DELETE_SUBJECT', subject }),
    ...settings.tombstones({ keytype: 'CONFIG', subject }),
    ...settings.tombstones({ keytype: 'MODE', subject }),
  ];
}

/** A soft-deleted referrer only stands in the way of a permanent deletion; one of the subject `within`, of none. */
function assertNotReferenced(
  { state }: DeletionParts,
  version: SchemaVersion,
  permanent: boolean,
  within: string | null = null,
): void {
  const referrers = state.referrers(version.subject, version.version);
  if (!referrers.some(({ subject, deleted }) => subject !== within && (permanent || !deleted))) return;
  throw errors.referenceExists(version.subject, version.version);
}
