/**
 * Everything the registry refuses, in Confluent's numbers and words.
 *
 * `errorCode` and the messages marked literal are matched by client libraries, so they are part of the surface. `code`
 * is ours: a stable string for docs/errors.md. The HTTP status is the first three digits of the error code.
 */

export class RegistryError extends Error {
  readonly code: string;
  /** Confluent's number, for example 40401. */
  readonly errorCode: number;
  /** True when the same request may succeed later. */
  readonly retriable: boolean;
  /** Members for the answer's body beside Confluent's, for clients that take them. */
  readonly extras: object;

  constructor(
    code: string,
    errorCode: number,
    message: string,
    options: { readonly cause?: unknown; readonly extras?: object } = {},
  ) {
    super(message, options);
    this.extras = options.extras ?? {};
    this.name = 'RegistryError';
    this.code = code;
    this.errorCode = errorCode;
    this.retriable = errorCode >= 50000 || errorCode === 429 || errorCode === 503;
  }

  /** The HTTP status to answer with. */
  get status(): number {
    return this.errorCode >= 1000 ? Math.floor(this.errorCode / 100) : this.errorCode;
  }
}

/** A store that could not keep or read records; `StoreError` is what keepers throw. */
export class StoreError extends Error {
  readonly code = 'SCHEMA_STORE';

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'StoreError';
  }
}

/** A registry that is told something it does not know or cannot be. It does not start. */
export class RegistryConfigError extends Error {
  readonly code = 'BAD_REGISTRY_CONFIG';

  constructor(message: string) {
    super(message);
    this.name = 'RegistryConfigError';
  }
}

/** A registry that would let in anybody from another machine. It does not start. */
export class OpenRegistryError extends Error {
  readonly code = 'OPEN_REGISTRY';

  constructor(message: string) {
    super(message);
    this.name = 'OpenRegistryError';
  }
}

/** Two schemas that cannot be compared within the budget; check.ts answers 42201 for it. */
export class ComparisonBudgetError extends Error {
  readonly code = 'COMPARISON_BUDGET';
}

/** A value that would keep its schema busy for ever; whoever asked says that it cannot be judged. */
export class ValidationBudgetError extends Error {
  readonly code = 'VALIDATION_BUDGET';
}

/** A regular expression that could take for ever; the message says what to do. A schema with one is 42201. */
export class UnsafePattern extends Error {
  readonly code = 'UNSAFE_PATTERN';
}

const LONGEST_SHOWN = 200;

/** Keeps user input that goes into a message short enough to read. */
export function shown(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}… (${text.length} characters)`;
}

type Make = (...args: never[]) => RegistryError;

/** The catalogue; literal messages carry the comment. */
export const errors = {
  /** Literal. */
  subjectNotFound: (subject: string) =>
    new RegistryError('SUBJECT_NOT_FOUND', 40401, `Subject '${shown(subject)}' not found.`),
  /** Literal; the latest is the number that clients write for it. */
  versionNotFound: (version: number | 'latest') =>
    new RegistryError('VERSION_NOT_FOUND', 40402, `Version ${version === 'latest' ? -1 : version} not found.`),
  /** Literal. */
  schemaNotFound: (id?: number | string) =>
    new RegistryError('SCHEMA_NOT_FOUND', 40403, id === undefined ? 'Schema not found' : `Schema ${id} not found`),
  /** Literal, to the missing space; so are the next five. */
  subjectSoftDeleted: (subject: string) =>
    new RegistryError(
      'SUBJECT_SOFT_DELETED',
      40404,
      `Subject '${shown(subject)}' was soft deleted.Set permanent=true to delete permanently`,
    ),
  subjectNotSoftDeleted: (subject: string) =>
    new RegistryError(
      'SUBJECT_NOT_SOFT_DELETED',
      40405,
      `Subject '${shown(subject)}' was not deleted first before being permanently deleted`,
    ),
  versionSoftDeleted: (subject: string, version: number) =>
    new RegistryError(
      'VERSION_SOFT_DELETED',
      40406,
      `Subject '${shown(subject)}' Version ${version} was soft deleted.Set permanent=true to delete permanently`,
    ),
  versionNotSoftDeleted: (subject: string, version: number) =>
    new RegistryError(
      'VERSION_NOT_SOFT_DELETED',
      40407,
      `Subject '${shown(subject)}' Version ${version} was not deleted first before being permanently deleted`,
    ),
  configNotFound: (subject: string) =>
    new RegistryError(
      'SUBJECT_CONFIG_NOT_FOUND',
      40408,
      `Subject '${shown(subject)}' does not have subject-level compatibility configured`,
    ),
  modeNotFound: (subject: string) =>
    new RegistryError(
      'SUBJECT_MODE_NOT_FOUND',
      40409,
      `Subject '${shown(subject)}' does not have subject-level mode configured`,
    ),
  /** Confluent's code for its schema exporters. */
  exporterNotFound: (name: string) =>
    new RegistryError('EXPORTER_NOT_FOUND', 40450, `Exporter '${shown(name)}' not found.`),
  /** The part before the details is literal. The code is 409 up to Confluent 8.1, 40901 from 8.2. */
  incompatible: (subject: string, details: readonly string[], code: 409 | 40901 = 409, extras: object = {}) =>
    new RegistryError(
      'INCOMPATIBLE_SCHEMA',
      code,
      `Schema being registered is incompatible with an earlier schema for subject "${shown(subject)}", ` +
        `details: [${details.join(', ')}]`,
      { extras },
    ),
  invalidSchema: (reason: string, cause?: unknown) =>
    new RegistryError('INVALID_SCHEMA', 42201, reason, cause === undefined ? {} : { cause }),
  /** Literal. */
  emptySchema: () => new RegistryError('EMPTY_SCHEMA', 42201, 'Empty schema'),
  /** Literal. */
  invalidVersion: (version: string) =>
    new RegistryError(
      'INVALID_VERSION',
      42202,
      `The specified version '${shown(version)}' is not a valid version id. ` +
        'Allowed values are between [1, 2^31-1] and the string "latest"',
    ),
  invalidLevel: (message: string) => new RegistryError('INVALID_COMPATIBILITY_LEVEL', 42203, message),
  /** Literal. */
  invalidCompatibilityLevel: () =>
    new RegistryError(
      'INVALID_COMPATIBILITY_LEVEL',
      42203,
      'Invalid compatibility level. Valid values are none, backward, forward, full, ' +
        'backward_transitive, forward_transitive, and full_transitive',
    ),
  /** Literal. */
  invalidMode: () =>
    new RegistryError('INVALID_MODE', 42204, 'Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.'),
  /** Literal. */
  forwardMode: () => new RegistryError('INVALID_MODE', 42204, 'Forward mode only supported on global level'),
  notPermitted: (message: string) => new RegistryError('OPERATION_NOT_PERMITTED', 42205, message),
  readOnly: (subject: string | null, mode: string) =>
    new RegistryError(
      'OPERATION_NOT_PERMITTED',
      42205,
      subject === null
        ? `The registry is in read-only mode (${mode}): nothing may be changed.`
        : `Subject ${shown(subject)} is in read-only mode (${mode}): nothing may be changed.`,
    ),
  /** Literal; who refers is what `…/referencedby` tells. */
  referenceExists: (subject: string, version: number) =>
    new RegistryError(
      'REFERENCE_EXISTS',
      42206,
      `One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=${shown(subject)},version=${version}}.`,
    ),
  invalidSubject: (subject: string, reason: string) =>
    new RegistryError('INVALID_SUBJECT', 42208, `The subject '${shown(subject)}' is not valid: ${reason}`),
  schemaTooLarge: (bytes: number, limit: number) =>
    new RegistryError(
      'SCHEMA_TOO_LARGE',
      42209,
      `The schema has ${bytes} bytes; this registry keeps schemas up to ${limit} bytes. ` +
        'Split it with references, or raise schema.max.bytes.',
    ),
  invalidRuleSet: (reason: string) => new RegistryError('INVALID_RULE_SET', 42210, `Invalid rule set: ${reason}`),
  contextNotEmpty: (context: string) =>
    new RegistryError(
      'CONTEXT_NOT_EMPTY',
      42211,
      `The context '${shown(context)}' still has subjects; delete them for good first.`,
    ),
  /** Confluent's answer to a request without, or with wrong, credentials; it says no more than that. */
  unauthorized: () => new RegistryError('UNAUTHORIZED', 401, 'Unauthorized'),
  /** In the form of Confluent's authorizer; null is everything. */
  denied: (operation: string, subject: string | null) =>
    new RegistryError(
      'DENIED',
      40301,
      `User is denied operation ${operation} on ${subject === null ? 'this server' : `Subject: ${shown(subject)}`}`,
    ),
  store: (cause: unknown) =>
    new RegistryError(
      'STORE_FAILED',
      50001,
      `The registry's log could not be written or read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    ),
  timeout: (timeoutMs: number) =>
    new RegistryError(
      'STORE_TIMEOUT',
      50002,
      `The registry's log did not confirm the write within ${timeoutMs} ms; it may or may not have been kept.`,
    ),
  tooManyWrites: (limit: number) =>
    new RegistryError('TOO_MANY_WRITES', 429, `More than ${limit} writes are waiting. Try again in a moment.`),
  /** Literal: what Confluent's framework answers where no endpoint is. */
  pageNotFound: () => new RegistryError('PAGE_NOT_FOUND', 404, 'HTTP 404 Not Found'),
  /** A body that is not what the endpoint takes. Confluent answers the bare status. */
  badBody: (reason: string) => new RegistryError('BAD_REQUEST_BODY', 422, reason),
  badJson: (reason: string) => new RegistryError('BAD_JSON', 400, `The request body is not JSON: ${reason}`),
  /** Literal, like every answer of Confluent's framework. */
  unsupportedMediaType: () => new RegistryError('UNSUPPORTED_MEDIA_TYPE', 415, 'HTTP 415 Unsupported Media Type'),
  badRequest: (reason: string) => new RegistryError('BAD_REQUEST', 400, reason),
} as const satisfies Record<string, Make>;
