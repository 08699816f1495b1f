/**
 * What the registry answers: versions, schemas and configurations in Confluent's members and order. Pure.
 *
 * Members that came with 8.x go only to clients that say they take unknown ones; older clients parse strictly.
 */
import type { SchemaVersion, SubjectConfig } from '../model.ts';
import type { SoundAnswer } from '../sound/answer.ts';
import type { SchemaEntry } from '../state.ts';
import type { RestRequest } from './request.ts';

/** JSON text that goes out as it is. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function versionShape(version: SchemaVersion, request: RestRequest): object {
  return {
    subject: version.subject,
    version: version.version,
    id: version.id,
    ...(request.takesExtras ? { guid: version.guid } : {}),
    ...contentShape(version, request),
    ...(request.takesExtras ? { ts: version.timestamp, ...(version.deleted ? { deleted: true } : {}) } : {}),
  };
}

/** `sound` is what the sound checker found of a version that was new. */
export function registeredShape(version: SchemaVersion, request: RestRequest, sound: SoundAnswer | null): object {
  if (!request.takesExtras) return { id: version.id };
  return {
    id: version.id,
    version: version.version,
    guid: version.guid,
    ...contentShape(version, request),
    ts: version.timestamp,
    ...(sound === null ? {} : { sound }),
  };
}

/** A schema by its id; `subject` is the one the client named, if any. */
export function schemaShape(entry: SchemaEntry, subject: string, request: RestRequest): object {
  const versions = [...entry.versions.values()];
  const version = versions.findLast((candidate) => candidate.subject === subject) ?? versions[0];
  if (version === undefined) return {};
  return {
    ...(subject === '' ? {} : { subject: version.subject, version: version.version }),
    ...(request.takesExtras ? { guid: version.guid } : {}),
    ...contentShape(version, request),
    ...(request.takesExtras ? { ts: version.timestamp } : {}),
  };
}

function contentShape(version: SchemaVersion, request: RestRequest): object {
  const { schemaType, references, metadata, ruleSet, schema } = version;
  return {
    ...(schemaType === 'AVRO' && !request.takesExtras ? {} : { schemaType }),
    ...(references.length === 0 ? {} : { references }),
    ...(metadata === null ? {} : { metadata }),
    ...(ruleSet === null ? {} : { ruleSet }),
    schema,
  };
}

/** GET and DELETE answer `compatibilityLevel`; PUT echoes `compatibility`. */
export function configShape(config: SubjectConfig): object {
  const { compatibilityLevel, ...rest } = config;
  return { ...(compatibilityLevel === undefined ? {} : { compatibilityLevel }), ...rest };
}
