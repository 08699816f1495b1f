/**
 * The registry's REST API over HTTP: content negotiation, bodies, errors; the endpoints are in routes.ts.
 *
 * Whatever goes wrong is answered in Confluent's form, `{"error_code", "message"}`, and nothing a client sends ends
 * the process.
 */
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { RegistryCore } from '../core.ts';
import { errors, RegistryError } from '../errors.ts';
import type { RequestCounts } from '../metrics.ts';
import type { Place } from '../security/config.ts';
import type { SchemaUsage } from '../usage.ts';
import { withoutContextPath } from './contexts.ts';
import type { RecordSource } from './explain-routes.ts';
import type { Guard } from './guard.ts';
import { ACCEPTED_BODIES, answerType, bodyText, SCHEMA_REGISTRY_V1 } from './negotiate.ts';
import type { RestRequest } from './request.ts';
import { type Route, routes } from './routes.ts';
import { JsonText } from './shapes.ts';

/** What the server logs through. */
export interface RestLogger {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Above the largest schema a registry keeps, escaped as a JSON string, so that too large is 42209 and not 413. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Subjects may be longer than a router's usual parameter. */
const MAX_PARAMETER_LENGTH = 8192;
/** Milliseconds a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface RegistryHttp {
  readonly core: RegistryCore;
  readonly usage: SchemaUsage;
  readonly records: RecordSource | null;
  readonly guard: Guard;
  readonly tls: Place['tls'];
  readonly logger: RestLogger;
  readonly counts: RequestCounts;
}

/** Not listening yet; the caller does that. */
export function registryHttpServer({
  core,
  usage,
  records,
  guard,
  tls,
  logger,
  counts,
}: RegistryHttp): FastifyInstance {
  const app = fastify({
    ...(tls === null ? {} : { https: tls }),
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Idle connections end with the server; a request under way is answered first.
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAMETER_LENGTH },
    rewriteUrl: (request) => withoutContextPath(request.url ?? '/'),
    onProtoPoisoning: 'ignore',
  });
  readBodies(app);
  app.addHook('onRequest', negotiate);
  app.addHook('onRequest', (request, reply) => guard.letIn(request, reply));
  app.addHook('onResponse', async (_request, reply) => counts.answered(reply.statusCode));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof RegistryError) counts.refused(error.errorCode);
    return answerError(error, request, reply, logger);
  });

  const all = routes(core, usage, records);
  for (const route of all) app.route({ method: route.method, url: route.path, handler: handler(route, guard) });
  refuseUnrouted(app, all);
  return app;
}

function handler({ method, path, handle }: Route, guard: Guard) {
  const answerOf = async (request: FastifyRequest): Promise<unknown> => {
    try {
      guard.admit(request, method, path);
      const answer = await handle(restRequest(request, guard));
      guard.changed(request, method, path, 'ok', answer);
      return answer;
    } catch (error) {
      guard.changed(request, method, path, error instanceof RegistryError ? error.errorCode : 500);
      throw error;
    }
  };
  return async (request: FastifyRequest, reply: FastifyReply): Promise<Buffer> => {
    const answer = await answerOf(request);
    reply.header('content-type', reply.getHeader('content-type') ?? SCHEMA_REGISTRY_V1);
    if (answer === undefined) reply.code(204);
    // Bytes, because to a string fastify would add a charset that Confluent's type does not carry.
    return Buffer.from(answer instanceof JsonText ? answer.text : (JSON.stringify(answer) ?? ''));
  };
}

function restRequest(request: FastifyRequest, guard: Guard): RestRequest {
  return {
    access: guard.accessOf(request),
    client: clientOf(request),
    host: request.ip,
    params: request.params as Record<string, string>,
    query: request.query as Record<string, string | string[]>,
    body: request.body,
    takesExtras: takesExtras(request),
  };
}

/** Whether the client says that it takes members it does not know. */
function takesExtras(request: FastifyRequest): boolean {
  return request.headers['confluent-accept-unknown-properties'] === 'true';
}

/** What a client says of itself, for the count of who uses which schema. */
function clientOf({ headers, ip }: FastifyRequest): string {
  const version = headers['confluent-client-version'];
  return `${headers['user-agent'] ?? 'unknown'}${typeof version === 'string' ? ` (${version})` : ''} at ${ip}`;
}

/** What Confluent's server sends with every answer. */
const HEADERS = { 'cache-control': 'no-cache, no-store, must-revalidate', 'x-xss-protection': '1; mode=block' };

async function negotiate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.headers(HEADERS);
  const type = answerType(request.headers.accept);
  reply.header('content-type', type ?? SCHEMA_REGISTRY_V1);
  if (type === null) answerStatus(reply, 406);
}

function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = async (request: FastifyRequest, body: Buffer): Promise<unknown> => {
    if (body.length === 0) return undefined;
    try {
      return JSON.parse(bodyText(body, request.headers['content-type']));
    } catch (error) {
      throw errors.badJson((error as Error).message);
    }
  };
  app.addContentTypeParser([...ACCEPTED_BODIES], { parseAs: 'buffer' }, parse);
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    if (body.length === 0) return undefined;
    if (request.headers['content-type'] === undefined) return parse(request, body);
    throw errors.unsupportedMediaType();
  });
}

/** Where no route is: 405 when the path has one under another method, else 404. */
function refuseUnrouted(app: FastifyInstance, all: readonly Route[]): void {
  const patterns = all.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}/?$`),
  }));
  app.setNotFoundHandler((request, reply) => {
    const [path = '/'] = withoutContextPath(request.url).split('?');
    const served = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (served.length === 0) return answerStatus(reply, 404);
    return answerStatus(reply.header('allow', [...new Set(served)].join(', ')), 405);
  });
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
};

/** Confluent's answer to what its framework refuses: the status is the code. */
function answerStatus(reply: FastifyReply, status: number): FastifyReply {
  return answer(reply, status, status, `HTTP ${status} ${REASONS[status] ?? 'Error'}`);
}

function answerError(
  error: FastifyError | RegistryError,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: RestLogger,
): FastifyReply {
  if (error instanceof RegistryError) {
    if (error.status >= 500) logger.warn({ url: request.url, code: error.code }, error.message);
    const extras = takesExtras(request) ? error.extras : {};
    return answer(reply, error.status, error.errorCode, error.message, extras);
  }
  const status = error.statusCode ?? 500;
  if (status < 500) return answerStatus(reply, status);
  logger.error({ err: error, url: request.url }, 'The registry could not answer a request; this is a defect.');
  return answer(reply, 500, 500, 'Internal Server Error');
}

function answer(
  reply: FastifyReply,
  status: number,
  errorCode: number,
  message: string,
  extras: object = {},
): FastifyReply {
  return reply
    .code(status)
    .header('content-type', reply.getHeader('content-type') ?? SCHEMA_REGISTRY_V1)
    .send(Buffer.from(JSON.stringify({ error_code: errorCode, message, ...extras })));
}
