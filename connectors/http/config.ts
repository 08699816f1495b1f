/**
 * The keys of the webhook source and the HTTP sink, declared once, and what they say together.
 */
import {
  type Config,
  type ConfigDef,
  followPointer,
  judgeRecordTemplate,
  parseRecordTemplate,
  pointerSteps,
  type RecordTemplate,
  type Secret,
} from '../api/index.ts';
import { badHttpConfig } from './errors.ts';

function judgePath(value: unknown): string | null {
  return /^\/[^?#\s]*$/.test(String(value)) ? null : 'must be a path that begins with "/"';
}

function judgeKey(value: unknown): string | null {
  const text = String(value);
  return text === '' || /^(header|query):[^\s]+$|^\//.test(text)
    ? null
    : 'must be header:name, query:name or a JSON pointer such as /order/id';
}

export const httpSourceConfig = {
  'http.port': {
    type: 'int',
    min: 0,
    max: 65_535,
    doc: 'Port to listen on. Several connectors may share one, each with its own path. 0 takes a free one and logs it.',
    importance: 'high',
    group: 'Listener',
  },
  'http.host': {
    type: 'string',
    default: '127.0.0.1',
    doc: 'Address to listen on. Any other than loopback needs http.hmac.secret or http.bearer.token.',
    group: 'Listener',
  },
  'http.path': {
    type: 'string',
    default: '/',
    validate: judgePath,
    doc: 'Path that takes POST and PUT.',
    importance: 'high',
    group: 'Listener',
  },
  topic: { type: 'string', doc: 'Topic to write to.', importance: 'high', group: 'Output' },
  'value.format': {
    type: 'string',
    default: 'json',
    oneOf: ['json', 'string', 'bytes'],
    doc: 'What a body is. A body that is no JSON is answered with 400: its sender is there to hear it.',
    group: 'Output',
  },
  'http.key': {
    type: 'string',
    default: '',
    validate: judgeKey,
    doc: 'What becomes the record key: header:name, query:name, or a JSON pointer into the body. Empty: no key.',
    group: 'Output',
  },
  'http.headers': {
    type: 'list',
    default: ['content-type'],
    doc: 'Request headers that become record headers, by name.',
    group: 'Output',
  },
  'http.hmac.secret': {
    type: 'password',
    default: null,
    doc: 'Secret shared with the sender. Requests whose signature does not fit are answered with 401.',
    group: 'Security',
  },
  'http.hmac.header': {
    type: 'string',
    default: 'x-hub-signature-256',
    doc: 'Header that carries the signature of the body.',
    group: 'Security',
  },
  'http.hmac.algorithm': {
    type: 'string',
    default: 'sha256',
    oneOf: ['sha1', 'sha256', 'sha512'],
    doc: 'Hash of the signature.',
    group: 'Security',
  },
  'http.hmac.encoding': {
    type: 'string',
    default: 'hex',
    oneOf: ['hex', 'base64'],
    doc: 'How the signature is written; a prefix such as sha256= may stand before it.',
    group: 'Security',
  },
  'http.bearer.token': {
    type: 'password',
    default: null,
    doc: 'Token that requests must carry as Authorization: Bearer.',
    group: 'Security',
  },
  'http.idempotency.header': {
    type: 'string',
    default: 'idempotency-key',
    doc: 'Header whose value names a request: a request with a name that was taken before is answered as the first was and makes no second record. Empty: every request is new.',
    group: 'Delivery',
  },
  'http.max.body.bytes': {
    type: 'int',
    default: 1_048_576,
    min: 1,
    doc: 'A longer body is answered with 413.',
    group: 'Flow',
  },
  'http.max.in.flight': {
    type: 'int',
    default: 1000,
    min: 1,
    doc: 'Requests that may wait for their record to be durable; beyond that the answer is 503 with Retry-After.',
    group: 'Flow',
  },
} as const satisfies ConfigDef;

export interface SourceSettings {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly topic: string;
  readonly format: 'json' | 'string' | 'bytes';
  readonly key: { readonly kind: 'none' } | { readonly kind: 'header' | 'query'; readonly name: string } | KeyPointer;
  readonly headers: readonly string[];
  readonly hmac: HmacRule | null;
  readonly bearer: Secret | null;
  readonly idempotencyHeader: string | null;
  readonly maxBodyBytes: number;
  readonly maxInFlight: number;
}

interface KeyPointer {
  readonly kind: 'pointer';
  readonly steps: readonly string[];
  readonly pointer: string;
}

export interface HmacRule {
  readonly secret: Secret;
  readonly header: string;
  readonly algorithm: string;
  readonly encoding: 'hex' | 'base64';
}

/** What the source's keys say; throws ConfigError for two that contradict each other. */
export function sourceSettings(config: Config): SourceSettings {
  const host = config.string('http.host');
  const secret = config.optionalSecret('http.hmac.secret');
  const bearer = config.optionalSecret('http.bearer.token');
  if (!isLoopback(host) && secret === null && bearer === null) {
    const message = `"http.host" is "${host}", which other machines reach: set "http.hmac.secret" or "http.bearer.token", or listen on 127.0.0.1.`;
    throw badHttpConfig('http.host', host, message);
  }
  const idempotency = config.string('http.idempotency.header');
  return {
    host,
    port: config.number('http.port'),
    path: config.string('http.path'),
    topic: config.string('topic'),
    format: config.string('value.format') as SourceSettings['format'],
    key: keyRule(config),
    headers: config.list('http.headers').map((name) => name.toLowerCase()),
    hmac:
      secret === null
        ? null
        : {
            secret,
            header: config.string('http.hmac.header').toLowerCase(),
            algorithm: config.string('http.hmac.algorithm'),
            encoding: config.string('http.hmac.encoding') as 'hex' | 'base64',
          },
    bearer,
    idempotencyHeader: idempotency === '' ? null : idempotency.toLowerCase(),
    maxBodyBytes: config.number('http.max.body.bytes'),
    maxInFlight: config.number('http.max.in.flight'),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function keyRule(config: Config): SourceSettings['key'] {
  const text = config.string('http.key');
  if (text === '') return { kind: 'none' };
  const [kind, name] = text.split(/:(.*)/s);
  if (kind === 'header') return { kind, name: name!.toLowerCase() };
  if (kind === 'query') return { kind, name: name! };
  if (config.string('value.format') !== 'json') {
    throw badHttpConfig('http.key', text, `"http.key" is the JSON pointer ${text}, but "value.format" is not json.`);
  }
  return { kind: 'pointer', steps: pointerSteps(text), pointer: text };
}

/** The text or number a pointer leads to in a body, or null. */
export function keyIn(body: unknown, steps: readonly string[]): string | null {
  const found = followPointer(body as Parameters<typeof followPointer>[0], steps);
  return typeof found === 'string' || typeof found === 'number' ? String(found) : null;
}

function judgeUrl(value: unknown): string | null {
  const problem = judgeRecordTemplate(value);
  if (problem !== null) return problem;
  return /^https?:\/\/[^/{}]+/.test(String(value))
    ? null
    : 'must be a URL that begins with http:// or https:// and names its host without a placeholder';
}

function judgeStatuses(value: unknown): string | null {
  const wrong = (value as readonly string[]).find((each) => !/^[1-5]\d\d$|^[1-5]xx$/.test(each));
  return wrong === undefined
    ? null
    : `must be a list of status codes or classes such as 429 and 5xx; "${wrong}" is none`;
}

export const httpSinkConfig = {
  'http.url': {
    type: 'string',
    validate: judgeUrl,
    doc: 'Where records are sent. A template behind the host, for example https://api.example.com/trucks/{key}; what it puts in is percent-encoded.',
    importance: 'high',
    group: 'Request',
  },
  'http.method': {
    type: 'string',
    default: 'POST',
    oneOf: ['POST', 'PUT', 'PATCH'],
    doc: 'Method of the requests.',
    group: 'Request',
  },
  'http.headers.*': {
    type: 'string',
    default: null,
    doc: 'A request header each: http.headers.x-tenant with the template of its value.',
    group: 'Request',
  },
  'http.body': {
    type: 'string',
    default: 'value',
    oneOf: ['value', 'record'],
    doc: "The body: the record's value (JSON, or text and bytes as they are), or an object with topic, partition, offset, timestamp, key, value and headers.",
    group: 'Request',
  },
  'http.content.type': {
    type: 'string',
    default: null,
    doc: 'Content type. Default: application/json, application/x-ndjson for lines, application/octet-stream for bytes.',
    group: 'Request',
  },
  'http.idempotency.header': {
    type: 'string',
    default: 'Idempotency-Key',
    doc: 'Header that names each request by topic, partition and offset, so that the other side can tell one that comes again. Empty: none.',
    group: 'Request',
  },
  'http.batch.max.records': {
    type: 'int',
    default: 1,
    min: 1,
    max: 10_000,
    doc: 'Records in one request at most; more than 1 needs a URL and headers that are the same for all.',
    group: 'Batching',
  },
  'http.batch.max.bytes': {
    type: 'int',
    default: 1_048_576,
    min: 1,
    doc: 'Bytes in the body of one batch, about.',
    group: 'Batching',
  },
  'http.batch.format': {
    type: 'string',
    default: 'array',
    oneOf: ['array', 'ndjson'],
    doc: 'How several records stand in a body: a JSON array, or one JSON text a line.',
    group: 'Batching',
  },
  'http.bearer.token': {
    type: 'password',
    default: null,
    doc: 'Token to send as Authorization: Bearer.',
    group: 'Security',
  },
  'http.username': { type: 'string', default: null, doc: 'User for basic authentication.', group: 'Security' },
  'http.password': { type: 'password', default: null, doc: 'Password for basic authentication.', group: 'Security' },
  'http.tls.ca.file': {
    type: 'string',
    default: null,
    doc: 'PEM file of the authorities to trust instead of the usual ones.',
    group: 'Security',
  },
  'http.tls.cert.file': { type: 'string', default: null, doc: 'PEM file of our own certificate.', group: 'Security' },
  'http.tls.key.file': { type: 'string', default: null, doc: 'PEM file of its key.', group: 'Security' },
  'http.retry.statuses': {
    type: 'list',
    default: ['408', '425', '429', '5xx'],
    validate: judgeStatuses,
    doc: 'Answers after which the same records are sent again; Retry-After is heeded. Any other answer outside 200–299 is a bad record, 401 and 403 fail the task.',
    group: 'Delivery',
  },
  'http.timeout.ms': { type: 'int', default: 30_000, min: 1, doc: 'How long an answer may take.', group: 'Delivery' },
  'http.rate.limit.per.s': {
    type: 'double',
    default: null,
    min: 0.001,
    doc: 'Requests per second and task at most. Not set: as fast as the other side answers.',
    group: 'Flow',
  },
  'http.max.connections': {
    type: 'int',
    default: 8,
    min: 1,
    max: 1000,
    doc: 'Requests at a time; those of one partition go one after another, in order.',
    group: 'Flow',
  },
  'behavior.on.null.values': {
    type: 'string',
    default: 'ignore',
    oneOf: ['delete', 'ignore', 'fail'],
    doc: 'What a tombstone does: a DELETE request, nothing, or it counts as a bad record.',
    group: 'Delivery',
  },
} as const satisfies ConfigDef;

export interface SinkSettings {
  readonly url: RecordTemplate;
  /** For messages: the scheme and host. */
  readonly origin: string;
  readonly method: string;
  readonly headers: readonly { readonly name: string; readonly value: RecordTemplate }[];
  readonly bodyIsRecord: boolean;
  readonly contentType: string | null;
  readonly idempotencyHeader: string | null;
  readonly batchRecords: number;
  readonly batchBytes: number;
  readonly batchFormat: 'array' | 'ndjson';
  readonly authorization: () => string | null;
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null };
  readonly retries: (status: number) => boolean;
  readonly timeoutMs: number;
  readonly ratePerSecond: number | null;
  readonly maxConnections: number;
  readonly onTombstone: 'delete' | 'ignore' | 'fail';
}

const headerFamily = 'http.headers.';

/** What the sink's keys say; throws ConfigError for two that contradict each other. */
export function sinkSettings(config: Config): SinkSettings {
  const url = parseRecordTemplate(config.string('http.url'));
  const headers = headerTemplates(config);
  const batchRecords = config.number('http.batch.max.records');
  if (batchRecords > 1) refuseVaryingBatch(url, headers, batchRecords);
  const statuses = config.list('http.retry.statuses');
  const idempotency = config.string('http.idempotency.header');
  return {
    url,
    origin: /^https?:\/\/[^/?#]+/.exec(url.source)![0],
    method: config.string('http.method'),
    headers,
    bodyIsRecord: config.string('http.body') === 'record',
    contentType: config.optionalString('http.content.type'),
    idempotencyHeader: idempotency === '' ? null : idempotency,
    batchRecords,
    batchBytes: config.number('http.batch.max.bytes'),
    batchFormat: config.string('http.batch.format') as 'array' | 'ndjson',
    authorization: authorizationOf(config),
    tls: {
      ca: config.optionalString('http.tls.ca.file'),
      cert: config.optionalString('http.tls.cert.file'),
      key: config.optionalString('http.tls.key.file'),
    },
    retries: (status) => statuses.includes(String(status)) || statuses.includes(`${Math.floor(status / 100)}xx`),
    timeoutMs: config.number('http.timeout.ms'),
    ratePerSecond: config.optionalNumber('http.rate.limit.per.s'),
    maxConnections: config.number('http.max.connections'),
    onTombstone: config.string('behavior.on.null.values') as SinkSettings['onTombstone'],
  };
}

function headerTemplates(config: Config): SinkSettings['headers'] {
  return Object.entries(config.raw)
    .filter(([key]) => key.startsWith(headerFamily))
    .map(([key, value]) => {
      const problem = judgeRecordTemplate(value);
      if (problem !== null) throw badHttpConfig(key, value, `"${key}" ${problem}.`);
      return { name: key.slice(headerFamily.length), value: parseRecordTemplate(value) };
    });
}

function refuseVaryingBatch(url: RecordTemplate, headers: SinkSettings['headers'], size: number): void {
  const varying = [url, ...headers.map(({ value }) => value)].find(({ constant }) => constant === null);
  if (varying === undefined) return;
  const message = `"http.batch.max.records" is ${size}, but "${varying.source}" differs from record to record. Send them one by one, or take the placeholder out.`;
  throw badHttpConfig('http.batch.max.records', String(size), message);
}

function authorizationOf(config: Config): () => string | null {
  const token = config.optionalSecret('http.bearer.token');
  const user = config.optionalString('http.username');
  const password = config.optionalSecret('http.password');
  if (token !== null && user !== null) {
    throw badHttpConfig('http.username', user, '"http.bearer.token" and "http.username" are both set. Keep one.');
  }
  if (token !== null) return () => `Bearer ${token.reveal()}`;
  if (user === null) return () => null;
  return () => `Basic ${Buffer.from(`${user}:${password?.reveal() ?? ''}`).toString('base64')}`;
}
