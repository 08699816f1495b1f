/**
 * How open an object or an array is to what it does not declare.
 *
 * Open takes anything, closed takes nothing, partially open takes what a further schema accepts: that of
 * additionalProperties / additionalItems, else of unevaluatedProperties / unevaluatedItems (and, for objects, of the
 * first patternProperties entry that matches).
 */
import { matcherOf } from '../regex/engine.ts';
import { type ArrayNode, isEmpty, type ObjectNode, type SchemaNode } from './node.ts';

type Container = Pick<ObjectNode | ArrayNode, 'additional' | 'unevaluated'>;

export function isOpenObject(node: ObjectNode): boolean {
  return node.patternProperties.size === 0 && isOpen(node);
}

export function isOpen({ additional, unevaluated }: Container): boolean {
  return additional === true && (unevaluated === null || isEmpty(unevaluated));
}

/** What a partially open object asks of a property it does not declare; null when it asks nothing of the kind. */
export function coveringProperty(node: ObjectNode, name: string): SchemaNode | null {
  for (const [pattern, schema] of node.patternProperties) if (matcherOf(pattern).test(name)) return schema;
  return covering(node);
}

/** What a partially open container asks of what it does not declare. */
export function covering({ additional, unevaluated }: Container): SchemaNode | null {
  if (typeof additional !== 'boolean') return additional;
  if (!additional || unevaluated === null || unevaluated.kind === 'false' || isEmpty(unevaluated)) return null;
  return unevaluated;
}
