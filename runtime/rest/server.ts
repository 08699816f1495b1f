/**
 * The REST door of the worker: Kafka Connect's API, path for path. Holds no state; every answer comes from the worker.
 *
 * Errors are always `{error_code, message}` with the HTTP status as the code. What it serves it also describes, at
 * `/openapi.json`.
 */
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../../connectors/api/index.ts';
import { claimCodes, RequestError } from '../errors.ts';
import { within } from '../worker/backoff.ts';
import type { Worker } from '../worker/worker.ts';
import { adminRoutes, type WorkerFacts } from './admin.ts';
import { connectorRoutes } from './connectors.ts';
import { offsetRoutes } from './offsets.ts';
import { openApi } from './openapi.ts';
import { pluginRoutes } from './plugins.ts';
import type { RestRequest, Route } from './route.ts';
import { secretRoutes } from './secrets.ts';
import { steeringRoutes } from './steering.ts';

/** A connector config with a large schema or statement in it; Kafka Connect has no limit. */
const MAX_BODY_BYTES = 4 << 20;
/** Kafka Connect's: a log that hangs is answered for, and what was asked may still happen. */
const REQUEST_DEADLINE_MS = 90_000;

/** Every route of the API, in the order of the document. */
export function restRoutes(worker: Worker, facts: WorkerFacts): Route[] {
  const routes: Route[] = [
    ...adminRoutes(worker, facts),
    ...connectorRoutes(worker),
    ...steeringRoutes(worker),
    ...offsetRoutes(worker),
    ...pluginRoutes(worker),
    ...secretRoutes(worker),
    {
      method: 'GET',
      path: '/openapi.json',
      says: 'This API as an OpenAPI document.',
      answers: { 200: 'Document' },
      handle: () => ({ status: 200, body: openApi(routes, facts.version) }),
    },
  ];
  return routes;
}

export function createRestServer(worker: Worker, facts: WorkerFacts, logger: Logger): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000 },
    forceCloseConnections: true,
    frameworkErrors: (_, __, reply) => refuse(reply, 400, 'HTTP 400 Bad Request: the path is no valid URL.'),
  });
  // JSON also where the client says something else about it, as `curl -d` does.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, async (_: unknown, body: string | Buffer) =>
    parseBody(String(body)),
  );
  server.addHook('onRequest', async (request) => {
    if (!takesJson(request.headers.accept)) throw new RequestError(406, 'HTTP 406 Not Acceptable');
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const status = statusOf(error);
    if (status >= 500) logger.error({ err: error, method: request.method, url: request.url }, 'A request failed.');
    // What a caller did wrong quotes the caller; what went wrong inside may quote anybody.
    const { redaction } = worker.services.providers;
    return refuse(reply, status, status >= 500 ? redaction.hide(error.message) : error.message);
  });
  server.setNotFoundHandler((_, reply) => refuse(reply, 404, 'HTTP 404 Not Found'));
  const routes = restRoutes(worker, facts);
  for (const route of routes) serve(server, route);
  for (const path of new Set(routes.map((route) => route.path))) serveOtherMethods(server, routes, path);
  return server;
}

/** Where another worker has the group, it is the one to ask: Kafka Connect's code for a worker that may not answer. */
function statusOf(error: FastifyError): number {
  if (error.code === claimCodes.fenced) return 409;
  return error instanceof RequestError ? error.status : (error.statusCode ?? 500);
}

const urlOf = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

function serve(server: FastifyInstance, { method, path, handle }: Route): void {
  server.route({
    method,
    url: urlOf(path),
    handler: async (request, reply) => {
      const what = `Request timed out: ${method} ${request.url}`;
      const { status, body, location } = await within(what, REQUEST_DEADLINE_MS, handle(requestOf(request)));
      if (location !== undefined) reply.header('location', location);
      reply.code(status);
      return body === undefined ? reply.send() : sendJson(reply, body);
    },
  });
}

function requestOf(request: FastifyRequest): RestRequest {
  const { params, query, body, protocol, host } = request;
  return {
    params: params as RestRequest['params'],
    query: query as RestRequest['query'],
    body,
    base: `${protocol}://${host}`,
  };
}

/** A path that is there is never "not found": OPTIONS says which methods it has, others are 405. */
function serveOtherMethods(server: FastifyInstance, routes: readonly Route[], path: string): void {
  const own: string[] = routes.filter((route) => route.path === path).map(({ method }) => method);
  const allowed = [...own, ...(own.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort().join(', ');
  server.route({
    method: 'OPTIONS',
    url: urlOf(path),
    handler: (_, reply) => reply.header('allow', allowed).type('text/plain').send(allowed),
  });
  const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !own.includes(method));
  server.route({
    method: others,
    url: urlOf(path),
    // Whatever body it has is not even read.
    onRequest: (_, reply) => void refuse(reply.header('allow', allowed), 405, 'HTTP 405 Method Not Allowed'),
    handler: (_, reply) => reply.send(),
  });
}

/** True where the client takes what we have; who says nothing takes anything. */
function takesJson(accept: string | undefined): boolean {
  return (
    accept === undefined || accept === '' || /application\/(?:[\w.-]+\+)?json|\*\/\*|application\/\*/i.test(accept)
  );
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return sendJson(reply.code(status), { error_code: status, message });
}

/** Without a charset, as Kafka Connect: JSON is always UTF-8 (RFC 8259). */
function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header('content-type', 'application/json').serializer(String).send(JSON.stringify(body));
}

function parseBody(text: string): unknown {
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RequestError(400, `The request body is not JSON: ${(cause as Error).message}.`, { cause });
  }
}
