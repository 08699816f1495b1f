/**
 * The worker itself: `/`, `/health` (KIP-1017), `/admin/loggers` (KIP-495, KIP-976).
 */
import { RequestError } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import { fieldsOf } from './body.ts';
import { noContent, ok, type Route } from './route.ts';

export interface WorkerFacts {
  readonly version: string;
  readonly clusterId: string;
  health(): { readonly status: 'healthy' | 'starting' | 'unhealthy'; readonly message: string };
}

export function adminRoutes(worker: Worker, facts: WorkerFacts): Route[] {
  const { loggers } = worker.services;
  return [
    {
      method: 'GET',
      path: '/',
      says: 'The version of the worker and the id of its cluster.',
      answers: { 200: 'Worker' },
      handle: () => ok({ version: facts.version, commit: 'millrace', kafka_cluster_id: facts.clusterId }),
    },
    {
      method: 'GET',
      path: '/health',
      says: 'Whether the worker is up: 503 while it starts, 500 when it cannot serve.',
      answers: { 200: 'Health', 500: 'Health', 503: 'Health' },
      handle: () => {
        const health = facts.health();
        return { status: healthCodes[health.status], body: health };
      },
    },
    {
      method: 'GET',
      path: '/admin/loggers',
      says: 'Every logger with its level.',
      answers: { 200: 'Loggers' },
      handle: () => ok(loggers.all()),
    },
    {
      method: 'GET',
      path: '/admin/loggers/{logger}',
      says: 'The level of a logger.',
      answers: { 200: 'LoggerLevel' },
      handle: ({ params }) => {
        const level = loggers.get(params.logger!);
        if (level === null) throw new RequestError(404, `Logger ${params.logger} not found.`);
        return ok(level);
      },
    },
    {
      method: 'PUT',
      path: '/admin/loggers/{logger}',
      says: 'Sets the level of a logger and of all below it; answers their names.',
      query: { scope: 'worker (the default), or cluster, which is the same worker and answers 204.' },
      body: 'LevelRequest',
      answers: { 200: 'Names', 204: null },
      handle: ({ params, query, body }) => {
        const { level } = fieldsOf(body);
        if (typeof level !== 'string') {
          throw new RequestError(400, "Desired 'level' parameter was not specified in request.");
        }
        if (!loggers.isLevel(level)) {
          const message = `invalid log level '${level}'. Levels are TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF.`;
          throw new RequestError(404, message);
        }
        const affected = loggers.set(params.logger!, level);
        return String(query.scope).toLowerCase() === 'cluster' ? noContent : ok(affected);
      },
    },
  ];
}

const healthCodes = { healthy: 200, starting: 503, unhealthy: 500 } as const;
