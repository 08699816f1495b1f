/** Objects: required, properties by content model, dependencies, and the number of properties. */
import { compareAdditional, compareUnevaluated } from './additional.ts';
import type { Comparison } from './comparison.ts';
import { coveringProperty, isOpenObject } from './content-model.ts';
import { compareLimit } from './limits.ts';
import { isEmpty, type ObjectNode, type SchemaNode } from './node.ts';
import { changeOf } from './sets.ts';

export function compareObjects(comparison: Comparison, original: ObjectNode, update: ObjectNode): void {
  comparison.at('required', () => compareRequired(comparison, original, update));
  comparison.at('properties', () => compareProperties(comparison, original, update));
  comparison.at('dependencies', () => {
    comparePropertyDependencies(comparison, original, update);
    compareSchemaDependencies(comparison, original, update);
  });
  comparison.at('additionalProperties', () =>
    compareAdditional(comparison, 'PROPERTIES', original.additional, update.additional),
  );
  comparison.at('unevaluatedProperties', () =>
    compareUnevaluated(comparison, 'PROPERTIES', original.unevaluated, update.unevaluated),
  );
  compareLimit(comparison, 'maxProperties', 'MAX_PROPERTIES', original.maxProperties, update.maxProperties);
  compareLimit(comparison, 'minProperties', 'MIN_PROPERTIES', original.minProperties, update.minProperties);
}

/** Only properties declared on both sides: one that comes or goes is judged by the content model. */
function compareRequired(comparison: Comparison, original: ObjectNode, update: ObjectNode): void {
  for (const name of original.properties.keys()) {
    const property = update.properties.get(name);
    const wasRequired = original.required.has(name);
    if (property === undefined || wasRequired === update.required.has(name)) continue;
    comparison.at(name, () => {
      if (wasRequired) comparison.add('REQUIRED_ATTRIBUTE_REMOVED');
      else comparison.add(hasDefault(property) ? 'REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED' : 'REQUIRED_ATTRIBUTE_ADDED');
    });
  }
}

function compareProperties(comparison: Comparison, original: ObjectNode, update: ObjectNode): void {
  for (const name of original.properties.keys()) {
    const before = original.properties.get(name)!;
    const after = update.properties.get(name);
    comparison.at(name, () => {
      if (after === undefined) propertyRemoved(comparison, name, before, update);
      else comparison.compare(before, after);
    });
  }
  for (const [name, after] of update.properties) {
    if (original.properties.has(name)) continue;
    comparison.at(name, () => propertyAdded(comparison, name, after, original, update));
  }
}

/** What was written with the property is read by a schema without it: the update's content model decides. */
function propertyRemoved(comparison: Comparison, name: string, before: SchemaNode, update: ObjectNode): void {
  if (isOpenObject(update)) {
    comparison.add('PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL');
    return;
  }
  const cover = coveringProperty(update, name);
  if (cover !== null) {
    const { differences, isCompatible } = comparison.trial(before, cover);
    comparison.addAll(differences);
    comparison.add(
      isCompatible
        ? 'PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL'
        : 'PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL',
    );
    return;
  }
  comparison.add(
    before.kind === 'false'
      ? 'PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL'
      : 'PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL',
  );
}

/** What was written without declaring the property is read by a schema that does: the original's model decides. */
function propertyAdded(
  comparison: Comparison,
  name: string,
  after: SchemaNode,
  original: ObjectNode,
  update: ObjectNode,
): void {
  const isRequired = update.required.has(name);
  if (isOpenObject(original)) {
    if (isEmpty(after)) comparison.add('PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL');
    else if (!isRequired) comparison.add('OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL');
    else if (hasDefault(after)) comparison.add('REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL');
    else comparison.add('REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL');
    return;
  }
  const cover = coveringProperty(original, name);
  if (cover !== null) {
    const { differences, isCompatible } = comparison.trial(cover, after);
    comparison.addAll(differences);
    comparison.add(
      isCompatible
        ? 'PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL'
        : 'PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL',
    );
  }
  if (!isRequired) comparison.add('OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL');
  else if (hasDefault(after)) comparison.add('REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL');
  else comparison.add('REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL');
}

function comparePropertyDependencies(comparison: Comparison, original: ObjectNode, update: ObjectNode): void {
  for (const name of union(original.propertyDependencies.keys(), update.propertyDependencies.keys())) {
    const before = original.propertyDependencies.get(name);
    const after = update.propertyDependencies.get(name);
    comparison.at(name, () => {
      if (after === undefined) comparison.add('DEPENDENCY_ARRAY_REMOVED');
      else if (before === undefined) comparison.add('DEPENDENCY_ARRAY_ADDED');
      else compareNames(comparison, before, after);
    });
  }
}

function compareNames(comparison: Comparison, before: ReadonlySet<string>, after: ReadonlySet<string>): void {
  const change = changeOf(before, after);
  if (change === 'extended') comparison.add('DEPENDENCY_ARRAY_EXTENDED');
  else if (change === 'narrowed') comparison.add('DEPENDENCY_ARRAY_NARROWED');
  else if (change === 'changed') comparison.add('DEPENDENCY_ARRAY_CHANGED');
}

function compareSchemaDependencies(comparison: Comparison, original: ObjectNode, update: ObjectNode): void {
  for (const name of union(original.schemaDependencies.keys(), update.schemaDependencies.keys())) {
    const before = original.schemaDependencies.get(name);
    const after = update.schemaDependencies.get(name);
    comparison.at(name, () => {
      if (after === undefined) comparison.add('DEPENDENCY_SCHEMA_REMOVED');
      else if (before === undefined) comparison.add('DEPENDENCY_SCHEMA_ADDED');
      else comparison.compare(before, after);
    });
  }
}

/** A default at the end of a reference does not count, as in Confluent's rules. */
function hasDefault(node: SchemaNode): boolean {
  return node.defaultText !== undefined;
}

function union(a: Iterable<string>, b: Iterable<string>): Set<string> {
  return new Set([...a, ...b]);
}
