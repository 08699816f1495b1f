/**
 * `/connectors`: create, read, change, delete, steer. Kafka Connect's paths, codes and bodies.
 */
import type { FastifyInstance } from 'fastify';
import { RequestError } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import { configOf, createRequestOf, flag, listOf, patchOf } from './body.ts';

interface ByName {
  Params: { name: string };
}
interface ByTask {
  Params: { name: string; task: string };
}

export function connectorRoutes(server: FastifyInstance, worker: Worker): void {
  collectionRoutes(server, worker);
  configRoutes(server, worker);
  steeringRoutes(server, worker);
  taskRoutes(server, worker);
}

function collectionRoutes(server: FastifyInstance, worker: Worker): void {
  server.get<{ Querystring: { expand?: string | string[] } }>('/connectors', async (request) => {
    const expand = listOf(request.query.expand);
    if (!expand.includes('status') && !expand.includes('info')) return worker.names();
    return Object.fromEntries(
      worker.names().map((name) => [
        name,
        {
          ...(expand.includes('status') ? { status: worker.status(name) } : {}),
          ...(expand.includes('info') ? { info: worker.info(name) } : {}),
        },
      ]),
    );
  });

  server.post('/connectors', async (request, reply) => {
    const { name, config, initial } = createRequestOf(request.body);
    const info = await worker.create(name, config, initial);
    return reply
      .code(201)
      .header('location', `/connectors/${encodeURIComponent(name)}`)
      .send(info);
  });

  server.get<ByName>('/connectors/:name', async (request) => worker.info(request.params.name));

  server.delete<ByName>('/connectors/:name', async (request, reply) => {
    await worker.remove(request.params.name);
    return reply.code(204).send();
  });
}

function configRoutes(server: FastifyInstance, worker: Worker): void {
  server.get<ByName>('/connectors/:name/config', async (request) => worker.config(request.params.name));

  server.put<ByName>('/connectors/:name/config', async (request, reply) => {
    const { name } = request.params;
    const { created, info } = await worker.put(name, configOf(request.body));
    if (!created) return info;
    return reply
      .code(201)
      .header('location', `/connectors/${encodeURIComponent(name)}`)
      .send(info);
  });

  server.patch<ByName>('/connectors/:name/config', async (request) =>
    worker.patch(request.params.name, patchOf(request.body)),
  );

  server.get<ByName>('/connectors/:name/topics', async (request) => {
    assertTracking(worker);
    const { name } = request.params;
    return { [name]: { topics: worker.services.statuses.topics(name) } };
  });

  server.put<ByName>('/connectors/:name/topics/reset', async (request, reply) => {
    assertTracking(worker);
    if (!worker.services.settings.boolean('topic.tracking.allow.reset')) {
      throw new RequestError(403, 'Topic tracking reset is disabled (topic.tracking.allow.reset=false).');
    }
    worker.services.statuses.resetTopics(request.params.name);
    return reply.code(202).send();
  });
}

function assertTracking(worker: Worker): void {
  if (worker.services.settings.boolean('topic.tracking.enable')) return;
  throw new RequestError(403, 'Topic tracking is disabled (topic.tracking.enable=false).');
}

function steeringRoutes(server: FastifyInstance, worker: Worker): void {
  server.get<ByName & { Querystring: { expand?: string | string[] } }>('/connectors/:name/status', async (request) => {
    const { name } = request.params;
    const status = worker.status(name);
    if (!listOf(request.query.expand).includes('ledger')) return status;
    return { ...status, tasks: status.tasks.map((task) => ({ ...task, ledger: worker.ledger(name, task.id) })) };
  });

  server.post<ByName & { Querystring: { includeTasks?: string; onlyFailed?: string } }>(
    '/connectors/:name/restart',
    async (request, reply) => {
      const [includeTasks, onlyFailed] = [flag(request.query.includeTasks), flag(request.query.onlyFailed)];
      const status = worker.restart(request.params.name, includeTasks, onlyFailed);
      return includeTasks || onlyFailed ? reply.code(202).send(status) : reply.code(204).send();
    },
  );

  const targets = { pause: 'PAUSED', resume: 'STARTED', stop: 'STOPPED' } as const;
  for (const [verb, target] of Object.entries(targets)) {
    server.put<ByName>(`/connectors/:name/${verb}`, async (request, reply) => {
      await worker.setTarget(request.params.name, target);
      return reply.code(target === 'STOPPED' ? 204 : 202).send();
    });
  }
}

function taskRoutes(server: FastifyInstance, worker: Worker): void {
  server.get<ByName>('/connectors/:name/tasks', async (request) => worker.taskInfos(request.params.name));

  server.get<ByTask>('/connectors/:name/tasks/:task/status', async (request) =>
    worker.taskStatus(request.params.name, taskNumber(request.params.task)),
  );

  server.post<ByTask>('/connectors/:name/tasks/:task/restart', async (request, reply) => {
    worker.restartTask(request.params.name, taskNumber(request.params.task));
    return reply.code(204).send();
  });
}

function taskNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RequestError(404, `"${text}" is no task number.`);
}
