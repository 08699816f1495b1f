/**
 * Who a schema is: Confluent's MD5 over text, references, metadata and rules, written as a UUID, is its GUID.
 *
 * Pure. Two schemas with the same digest in one context share an id; the GUID is the same in every registry.
 *
 *     text UTF-8 · per reference: name, subject, version int32 BE
 *     · when there is metadata: 01, tags, properties, sensitive (all sorted)
 *     · when there is a rule set: 01, every rule's fields in order, enableAt
 */
import { createHash, type Hash, hash } from 'node:crypto';
import type { Metadata, Rule, RuleSet, SchemaContent } from './model.ts';

/** The GUID of a schema's content, lower case, with dashes. */
export function guidOf(content: Omit<SchemaContent, 'schemaType'>): string {
  const hex = isPlain(content) ? hash('md5', content.schema, 'hex') : digestOf(content);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Most schemas are their text alone; hashed in one call, which halves the time. */
function isPlain({ references, metadata, ruleSet }: Omit<SchemaContent, 'schemaType'>): boolean {
  return references.length === 0 && metadata === null && ruleSet === null;
}

function digestOf(content: Omit<SchemaContent, 'schemaType'>): string {
  const hash = createHash('md5');
  hash.update(content.schema);
  for (const reference of content.references) {
    hash.update(reference.name).update(reference.subject);
    const version = Buffer.alloc(4);
    version.writeInt32BE(reference.version);
    hash.update(version);
  }
  if (content.metadata !== null) addMetadata(hash, content.metadata);
  if (content.ruleSet !== null) addRuleSet(hash, content.ruleSet);
  return hash.digest('hex');
}

const PRESENT = Buffer.of(1);

function addMetadata(hash: Hash, metadata: Metadata): void {
  hash.update(PRESENT);
  for (const [path, tags] of sortedEntries(metadata.tags)) {
    hash.update(path);
    for (const tag of [...new Set(tags)].sort(byCodeUnit)) hash.update(tag);
  }
  for (const [name, value] of sortedEntries(metadata.properties)) hash.update(name).update(value);
  for (const name of [...new Set(metadata.sensitive ?? [])].sort(byCodeUnit)) hash.update(name);
}

function addRuleSet(hash: Hash, ruleSet: RuleSet): void {
  hash.update(PRESENT);
  for (const rules of [ruleSet.migrationRules, ruleSet.domainRules, ruleSet.encodingRules]) {
    for (const rule of rules ?? []) addRule(hash, rule);
  }
  if (ruleSet.enableAt != null) hash.update(ruleSet.enableAt);
}

function addRule(hash: Hash, rule: Rule): void {
  for (const text of [rule.name, rule.doc, rule.kind, rule.mode, rule.type]) if (text != null) hash.update(text);
  for (const tag of [...new Set(rule.tags ?? [])].sort(byCodeUnit)) hash.update(tag);
  for (const [name, value] of sortedEntries(rule.params)) hash.update(name).update(value);
  for (const text of [rule.expr, rule.onSuccess, rule.onFailure]) if (text != null) hash.update(text);
  if (rule.disabled === true) hash.update(PRESENT);
}

function sortedEntries<T>(map: Readonly<Record<string, T>> | null | undefined): [string, T][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => byCodeUnit(a, b));
}

/** Java's order of strings: by UTF-16 code unit, which is also JavaScript's `<`. */
function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
