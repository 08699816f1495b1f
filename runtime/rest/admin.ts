/**
 * The worker itself: `/`, `/health` (KIP-1017), `/admin/loggers` (KIP-495, KIP-976).
 */
import type { FastifyInstance } from 'fastify';
import { RequestError } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import { fieldsOf } from './body.ts';

export interface WorkerFacts {
  readonly version: string;
  readonly clusterId: string;
  health(): { readonly status: 'healthy' | 'starting' | 'unhealthy'; readonly message: string };
}

interface ByLogger {
  Params: { logger: string };
}

export function adminRoutes(server: FastifyInstance, worker: Worker, facts: WorkerFacts): void {
  const { loggers } = worker.services;

  server.get('/', async () => ({ version: facts.version, commit: 'millrace', kafka_cluster_id: facts.clusterId }));

  server.get('/health', async (_, reply) => {
    const health = facts.health();
    return reply.code(healthCodes[health.status]).send(health);
  });

  server.get('/admin/loggers', async () => loggers.all());

  server.get<ByLogger>('/admin/loggers/:logger', async (request) => {
    const level = loggers.get(request.params.logger);
    if (level === null) throw new RequestError(404, `Logger ${request.params.logger} not found.`);
    return level;
  });

  server.put<ByLogger & { Querystring: { scope?: string } }>('/admin/loggers/:logger', async (request, reply) => {
    const { level } = fieldsOf(request.body);
    if (typeof level !== 'string')
      throw new RequestError(400, 'Desired "level" parameter was not specified in request.');
    if (!loggers.isLevel(level)) {
      throw new RequestError(
        404,
        `Invalid log level '${level}'. Levels are TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF.`,
      );
    }
    const affected = loggers.set(request.params.logger, level);
    return request.query.scope === 'cluster' ? reply.code(204).send() : affected;
  });
}

const healthCodes = { healthy: 200, starting: 503, unhealthy: 500 } as const;
