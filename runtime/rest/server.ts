/**
 * The REST door of the worker: Kafka Connect's API, path for path. Holds no state; every answer comes from the worker.
 *
 * Errors are always `{error_code, message}` with the HTTP status as the code.
 */
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Logger } from '../../connectors/api/index.ts';
import { RequestError } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import { adminRoutes, type WorkerFacts } from './admin.ts';
import { connectorRoutes } from './connectors.ts';
import { offsetRoutes } from './offsets.ts';
import { pluginRoutes } from './plugins.ts';

/** A connector config with a large schema or statement in it; Kafka Connect has no limit. */
const MAX_BODY_BYTES = 4 << 20;

export function createRestServer(worker: Worker, facts: WorkerFacts, logger: Logger): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000 },
    forceCloseConnections: true,
  });
  // JSON also where the client says something else about it, as `curl -d` does.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, async (_: unknown, body: string | Buffer) =>
    parseBody(String(body)),
  );
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error instanceof RequestError ? error.status : (error.statusCode ?? 500);
    if (status >= 500) logger.error({ err: error, method: request.method, url: request.url }, 'A request failed.');
    return reply.code(status).send({ error_code: status, message: error.message });
  });
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error_code: 404, message: `HTTP 404 Not Found: ${request.method} ${request.url}` }),
  );
  adminRoutes(server, worker, facts);
  connectorRoutes(server, worker);
  offsetRoutes(server, worker);
  pluginRoutes(server, worker);
  return server;
}

function parseBody(text: string): unknown {
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RequestError(400, `The request body is not JSON: ${(cause as Error).message}.`, { cause });
  }
}
