/**
 * A schema as the compatibility rules see it: one node per kind, as Confluent's two loaders build them.
 *
 * Types and constructors only. load-draft7.ts and load-2020.ts build the nodes; the other files compare them.
 */
import type { JsonObject, JsonValue } from '../parse/json-text.ts';

/** What any node may carry beside its kind. */
export interface Facts {
  readonly id?: string;
  readonly title?: string;
  readonly description?: string;
  /** Canonical text; absent where there is no default. */
  readonly defaultText?: string;
  /** Kafka Connect's note on what a value was; `bytes` makes two kinds equal. */
  readonly connectType?: string;
  /** The JSON it was loaded from; branches of a combination with the same source and kind are one. */
  readonly source: JsonValue;
}

export interface PlainNode extends Facts {
  readonly kind: 'empty' | 'true' | 'false' | 'boolean' | 'null' | 'conditional';
}

export interface StringNode extends Facts {
  readonly kind: 'string';
  readonly minLength: number | null;
  readonly maxLength: number | null;
  readonly pattern: string | null;
}

export interface NumberNode extends Facts {
  readonly kind: 'number';
  readonly isInteger: boolean;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly exclusiveMinimum: number | null;
  readonly exclusiveMaximum: number | null;
  readonly multipleOf: number | null;
}

export interface ObjectNode extends Facts {
  readonly kind: 'object';
  readonly properties: ReadonlyMap<string, SchemaNode>;
  readonly required: ReadonlySet<string>;
  /** False closes the object; a node constrains what is not declared; true is open. */
  readonly additional: boolean | SchemaNode;
  readonly patternProperties: ReadonlyMap<string, SchemaNode>;
  readonly unevaluated: SchemaNode | null;
  readonly propertyDependencies: ReadonlyMap<string, ReadonlySet<string>>;
  readonly schemaDependencies: ReadonlyMap<string, SchemaNode>;
  readonly minProperties: number | null;
  readonly maxProperties: number | null;
}

export interface ArrayNode extends Facts {
  readonly kind: 'array';
  /** One schema for every item. */
  readonly allItems: SchemaNode | null;
  /** One schema per position. */
  readonly items: readonly SchemaNode[];
  readonly additional: boolean | SchemaNode;
  readonly unevaluated: SchemaNode | null;
  readonly minItems: number | null;
  readonly maxItems: number | null;
  readonly minContains: number | null;
  readonly maxContains: number | null;
  readonly hasUniqueItems: boolean;
}

export interface EnumNode extends Facts {
  readonly kind: 'enum';
  /** Canonical texts. */
  readonly values: ReadonlySet<string>;
}

export interface ConstNode extends Facts {
  readonly kind: 'const';
  readonly valueText: string;
}

export type Criterion = 'allOf' | 'anyOf' | 'oneOf';

export interface CombinedNode extends Facts {
  readonly kind: 'combined';
  readonly criterion: Criterion;
  readonly subschemas: readonly SchemaNode[];
  /** Made by a loader out of keywords that stand side by side, not written as `allOf` or `anyOf`. */
  readonly isImplicit: boolean;
}

export interface NotNode extends Facts {
  readonly kind: 'not';
  readonly mustNotMatch: SchemaNode;
}

/** Resolved when it is first followed, so that a recursive schema is a finite graph. */
export interface ReferenceNode extends Facts {
  readonly kind: 'reference';
  readonly target: () => SchemaNode;
}

export type SchemaNode =
  | PlainNode
  | StringNode
  | NumberNode
  | ObjectNode
  | ArrayNode
  | EnumNode
  | ConstNode
  | CombinedNode
  | NotNode
  | ReferenceNode;

/** `{}` and `true` accept everything. */
export function isEmpty(node: SchemaNode): boolean {
  return node.kind === 'empty' || node.kind === 'true';
}

/** References in a row that are followed before they count as a circle; parsing refuses circles earlier. */
const LONGEST_CHAIN = 100;

/** The node a chain of references ends at. */
export function dereference(node: SchemaNode): SchemaNode {
  let end = node;
  for (let i = 0; i < LONGEST_CHAIN && end.kind === 'reference'; i++) end = end.target();
  return end.kind === 'reference' ? { kind: 'empty', source: end.source } : end;
}

export function numberOr(value: JsonValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

export function stringNode(source: JsonObject): StringNode {
  return {
    kind: 'string',
    source,
    minLength: numberOr(source.minLength),
    maxLength: numberOr(source.maxLength),
    pattern: typeof source.pattern === 'string' ? source.pattern : null,
  };
}

/** Draft 4's boolean limits are not compared, as in Confluent's registry. */
export function numberNode(source: JsonObject, isInteger: boolean): NumberNode {
  return {
    kind: 'number',
    source,
    isInteger,
    minimum: numberOr(source.minimum),
    maximum: numberOr(source.maximum),
    exclusiveMinimum: numberOr(source.exclusiveMinimum),
    exclusiveMaximum: numberOr(source.exclusiveMaximum),
    multipleOf: numberOr(source.multipleOf),
  };
}
