/**
 * Tags over REST: a new version that differs from another in tags, metadata and rules alone, and the same members in a
 * registration. What tags mean is tags.ts's.
 */
import type { RegistryCore } from '../core.ts';
import { mergeRuleSets } from '../data-contract.ts';
import { errors } from '../errors.ts';
import type { Metadata, RegisterRequest, Rule, RuleSet, SchemaType } from '../model.ts';
import { type TagChange, withTags } from '../tags.ts';
import { bodyObject, type RestRequest } from './request.ts';
import { registeredShape } from './shapes.ts';

/** `POST /subjects/{s}/versions/{v}/tags`. */
export async function tagVersion(core: RegistryCore, request: RestRequest): Promise<object> {
  const { subject = '', version = '' } = request.params;
  const body = bodyObject(request);
  const old = core.version(subject, version);
  const dropped = new Set(textsOf(body, 'rulesToRemove'));
  const rules = mergeRuleSets(
    objectOf<RuleSet>(body, 'ruleSet') ?? old.ruleSet,
    objectOf<RuleSet>(body, 'rulesToMerge'),
  );
  const newVersion = typeof body.newVersion === 'number' && body.newVersion > 0 ? body.newVersion : -1;
  const asked: RegisterRequest = {
    schemaType: old.schemaType,
    schema: withTags(old.schemaType, old.schema, changesOf(body, 'tagsToAdd'), changesOf(body, 'tagsToRemove')),
    references: old.references,
    metadata: objectOf<Metadata>(body, 'metadata') ?? old.metadata,
    ruleSet: rules === null ? null : withoutRules(rules, dropped),
    version: newVersion,
  };
  return registeredShape(await core.register(subject, asked, { isTagged: true }), request, null);
}

/**
 * A registration whose text gets `schemaTagsToAdd` and loses `schemaTagsToRemove`; such a one is a new version, which is
 * noted in its metadata.
 */
export function withRequestedTags(
  request: RestRequest,
  asked: RegisterRequest,
): { readonly asked: RegisterRequest; readonly isTagged: boolean } {
  const body = bodyObject(request);
  const [added, removed] = [changesOf(body, 'schemaTagsToAdd'), changesOf(body, 'schemaTagsToRemove')];
  if (asked.schema === undefined || added.length + removed.length === 0) return { asked, isTagged: false };
  try {
    JSON.parse(asked.schema);
  } catch {
    // What is no JSON is refused where schemas are read, with its own words.
    return { asked, isTagged: false };
  }
  const schema = withTags((asked.schemaType ?? 'AVRO') as SchemaType, asked.schema, added, removed);
  return { asked: { version: -1, ...asked, schema }, isTagged: true };
}

function withoutRules(ruleSet: RuleSet, dropped: ReadonlySet<string>): RuleSet {
  const kept = (rules: readonly Rule[] | null | undefined) => (rules ?? []).filter(({ name }) => !dropped.has(name));
  return {
    ...ruleSet,
    migrationRules: kept(ruleSet.migrationRules),
    domainRules: kept(ruleSet.domainRules),
    encodingRules: kept(ruleSet.encodingRules),
  };
}

type Body = Readonly<Record<string, unknown>>;

function objectOf<T>(body: Body, member: string): T | null {
  const value = body[member] ?? null;
  if (typeof value === 'object' && !Array.isArray(value)) return value as T | null;
  throw errors.badBody(`"${member}" in the request body is not an object.`);
}

function textsOf(body: Body, member: string): string[] {
  const value = body[member] ?? [];
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value as string[];
  throw errors.badBody(`"${member}" in the request body is not a list of strings.`);
}

function changesOf(body: Body, member: string): TagChange[] {
  const value = body[member] ?? [];
  const bad = () => errors.badBody(`"${member}" in the request body is not a list of {schemaEntity, tags}.`);
  if (!Array.isArray(value)) throw bad();
  return value.map((each: { schemaEntity?: { entityPath?: unknown; entityType?: unknown }; tags?: unknown } | null) => {
    const { entityPath, entityType } = each?.schemaEntity ?? {};
    const type = String(entityType ?? 'sr_field').toLowerCase();
    if (typeof entityPath !== 'string' || (type !== 'sr_field' && type !== 'sr_record')) throw bad();
    return { entityPath, entityType: type, tags: textsOf(each as Body, 'tags') };
  });
}
