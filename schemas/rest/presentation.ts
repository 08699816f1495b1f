/**
 * How a client wants a version shown, by query: `format`, `referenceFormat` and `findTags`. Changes what is answered, never
 * what is kept, and never the GUID.
 */
import type { RegistryCore } from '../core.ts';
import type { SchemaVersion } from '../model.ts';
import { contextOf, DEFAULT_CONTEXT, inContext } from '../subject-name.ts';
import { taggedEntities } from '../tags.ts';
import { listOf, type RestRequest, text } from './request.ts';

/** `format=resolved`, of Avro: with everything it refers to in its text. No other format changes anything, as in Confluent's. */
export function inFormat(core: RegistryCore, version: SchemaVersion, request: RestRequest): SchemaVersion {
  if (text(request, 'format').toLowerCase() !== 'resolved') return version;
  return { ...version, schema: core.resolvedText(version) };
}

/** In the format, with references qualified where `referenceFormat=qualified` asks for it. */
export function presented(core: RegistryCore, version: SchemaVersion, request: RestRequest): SchemaVersion {
  const shown = inFormat(core, version, request);
  const context = contextOf(version.subject);
  if (text(request, 'referenceFormat') !== 'qualified' || context === DEFAULT_CONTEXT) return shown;
  const references = shown.references.map((each) => ({ ...each, subject: inContext(context, each.subject) }));
  return { ...shown, references };
}

/** `findTags`: what of the schema carries one of the tags, or any (`*`). A member only where it was asked for. */
export function foundTags({ schemaType, schema }: SchemaVersion, request: RestRequest): object {
  const wanted = listOf(request, 'findTags');
  if (wanted.length === 0) return {};
  const isWanted = (tags: readonly string[]) => wanted.includes('*') || tags.some((tag) => wanted.includes(tag));
  const schemaTags = taggedEntities(schemaType, schema)
    .filter(({ tags }) => isWanted(tags))
    .map(({ entityPath, entityType, tags }) => ({ schemaEntity: { entityPath, entityType }, tags }));
  return schemaTags.length === 0 ? {} : { schemaTags };
}
