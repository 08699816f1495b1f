/** What a client sent, checked: query parameters, bodies. Pure; everything wrong is a RegistryError. */
import { errors } from '../errors.ts';
import type { Metadata, RegisterRequest, RuleSet, SchemaReference } from '../model.ts';
import type { Access } from '../security/access.ts';

/** One request as the handlers see it. */
export interface RestRequest {
  /** What its principal may do. */
  readonly access: Access;
  /** What the client says of itself. */
  readonly client: string;
  /** The address it asks from. */
  readonly host: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: unknown;
  /** The client understands members that came with 8.x (guid, ts, …). */
  readonly takesExtras: boolean;
}

export function flag(request: RestRequest, name: string): boolean {
  return text(request, name).toLowerCase() === 'true';
}

/** A query parameter, the last one where it is repeated; empty when absent. */
export function text(request: RestRequest, name: string): string {
  const value = request.query[name];
  return typeof value === 'string' ? value : (value?.at(-1) ?? '');
}

/** A query parameter that may be repeated. */
export function listOf(request: RestRequest, name: string): readonly string[] {
  const value = request.query[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** `offset` and `limit`; no limit, and one beyond the most, mean the most. 422 for what is no integer. */
export function paged<T>(
  request: RestRequest,
  list: readonly T[],
  most: number = Number.MAX_SAFE_INTEGER,
): readonly T[] {
  const offset = integer(request, 'offset', 0);
  const limit = integer(request, 'limit', -1);
  const count = limit > 0 && limit <= most ? limit : most;
  return offset <= 0 && count >= list.length ? list : list.slice(Math.max(offset, 0), Math.max(offset, 0) + count);
}

function integer(request: RestRequest, name: string, byDefault: number): number {
  const value = text(request, name);
  if (value === '') return byDefault;
  if (!/^-?\d+$/.test(value))
    throw errors.badBody(`The query parameter ${name} is '${value.slice(0, 50)}', not an integer.`);
  return Number(value);
}

/** The body as an object. 422 when it is none. */
export function bodyObject(request: RestRequest): Readonly<Record<string, unknown>> {
  const { body } = request;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw errors.badBody('The request needs a body: a JSON object.');
  }
  return body as Record<string, unknown>;
}

/** The body of register, lookup and compatibility requests. Unknown members are ignored, ill-typed ones are 422. */
export function registerRequest(request: RestRequest): RegisterRequest {
  const body = bodyObject(request);
  const schema = optional(body, 'schema', isString, 'a string');
  const schemaType = optional(body, 'schemaType', isString, 'a string');
  const references = optional(body, 'references', isReferences, 'a list of {name, subject, version}');
  const metadata = optional(body, 'metadata', isObject, 'an object');
  const ruleSet = optional(body, 'ruleSet', isObject, 'an object');
  const version = optional(body, 'version', isInteger, 'an integer');
  const id = optional(body, 'id', isInteger, 'an integer');
  return {
    ...(schema === undefined ? {} : { schema }),
    ...(schemaType === undefined ? {} : { schemaType }),
    ...(references === undefined ? {} : { references }),
    ...(metadata === undefined ? {} : { metadata: metadata as Metadata }),
    ...(ruleSet === undefined ? {} : { ruleSet: ruleSet as RuleSet }),
    // Clients send 0 for "none", and for an id also -1; as a version that is the next one, to be noted.
    ...(version === undefined || version === 0 || version < -1 ? {} : { version }),
    ...(id === undefined || id <= 0 ? {} : { id }),
  };
}

function optional<T>(
  body: Readonly<Record<string, unknown>>,
  member: string,
  isRight: (value: unknown) => value is T,
  what: string,
): T | undefined {
  const value = body[member];
  if (value === undefined || value === null) return undefined;
  if (!isRight(value)) throw errors.badBody(`"${member}" in the request body is not ${what}.`);
  return value;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && !Array.isArray(value);
}

function isReferences(value: unknown): value is SchemaReference[] {
  return (
    Array.isArray(value) &&
    value.every(
      (item: Partial<SchemaReference> | null) =>
        isString(item?.name) && isString(item.subject) && isInteger(item.version),
    )
  );
}
