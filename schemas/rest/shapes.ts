/**
 * What the registry answers: versions, schemas and configurations in Confluent's members and order. Pure.
 *
 * Members that came with 8.x go only to clients that say they take unknown ones; older clients parse strictly.
 */
import type { SchemaVersion, SubjectConfig } from '../model.ts';
import type { SoundAnswer } from '../sound/answer.ts';
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
    ...extras(version, request),
  };
}

function extras({ timestamp, deleted }: SchemaVersion, { takesExtras }: RestRequest): object {
  return takesExtras ? { ts: timestamp, deleted } : {};
}

/** `sound` is what the sound checker found of a version that was new. */
export function registeredShape(version: SchemaVersion, request: RestRequest, sound: SoundAnswer | null): object {
  if (!request.takesExtras) return { id: version.id };
  return {
    id: version.id,
    version: version.version,
    guid: version.guid,
    ...contentShape(version, request),
    ...extras(version, request),
    ...(sound === null ? {} : { sound }),
  };
}

/** A schema by its id; `named` says that the client named a subject, so that it hears which one it is of. */
export function schemaShape(version: SchemaVersion, named: boolean, request: RestRequest): object {
  return {
    ...(named ? { subject: version.subject, version: version.version } : {}),
    ...(request.takesExtras ? { guid: version.guid } : {}),
    ...contentShape(version, request),
    ...extras(version, request),
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
