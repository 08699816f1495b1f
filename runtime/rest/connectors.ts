/**
 * `/connectors`: create, read, change, delete. Kafka Connect's paths, codes and bodies.
 */
import { RequestError } from '../errors.ts';
import type { ConnectorInfo, Worker } from '../worker/worker.ts';
import { configOf, createRequestOf, listOf, patchOf } from './body.ts';
import { accepted, noContent, ok, type RestAnswer, type RestRequest, type Route } from './route.ts';

export function connectorRoutes(worker: Worker): Route[] {
  return [...collectionRoutes(worker), ...configRoutes(worker), ...topicRoutes(worker)];
}

function collectionRoutes(worker: Worker): Route[] {
  return [
    {
      method: 'GET',
      path: '/connectors',
      says: 'The names of all connectors, or what `expand` asks for by name.',
      query: { expand: 'status, info, or both (given twice).' },
      answers: { 200: 'Connectors' },
      handle: ({ query }) => ok(query.expand === undefined ? worker.names() : expanded(worker, listOf(query.expand))),
    },
    {
      method: 'POST',
      path: '/connectors',
      says: 'Creates a connector; 409 when the name is taken, 400 when the configuration is no good.',
      body: 'CreateRequest',
      answers: { 201: 'Connector' },
      handle: async (request) => {
        const { name, config, initial } = createRequestOf(request.body);
        return created(request, await worker.create(name, config, initial));
      },
    },
    {
      method: 'GET',
      path: '/connectors/{name}',
      says: 'A connector: its configuration and its tasks.',
      answers: { 200: 'Connector' },
      handle: ({ params }) => ok(worker.info(params.name!)),
    },
    {
      method: 'DELETE',
      path: '/connectors/{name}',
      says: 'Stops and deletes a connector. Its offsets stay.',
      answers: { 204: null },
      handle: async ({ params }) => {
        await worker.remove(params.name!);
        return noContent;
      },
    },
  ];
}

function expanded(worker: Worker, expand: readonly string[]): object {
  return Object.fromEntries(
    worker.names().map((name) => [
      name,
      {
        ...(expand.includes('status') ? { status: worker.status(name) } : {}),
        ...(expand.includes('info') ? { info: worker.info(name) } : {}),
      },
    ]),
  );
}

function created({ base }: RestRequest, info: ConnectorInfo): RestAnswer {
  return { status: 201, body: info, location: `${base}/connectors/${encodeURIComponent(info.name)}` };
}

function configRoutes(worker: Worker): Route[] {
  const path = '/connectors/{name}/config';
  return [
    {
      method: 'GET',
      path,
      says: 'The configuration as it was given, references unresolved.',
      answers: { 200: 'Config' },
      handle: ({ params }) => ok(worker.config(params.name!)),
    },
    {
      method: 'PUT',
      path,
      says: 'Creates a connector or replaces its configuration.',
      body: 'Config',
      answers: { 200: 'Connector', 201: 'Connector' },
      handle: async (request) => {
        const { created: isNew, info } = await worker.put(request.params.name!, configOf(request.body));
        return isNew ? created(request, info) : ok(info);
      },
    },
    {
      method: 'PATCH',
      path,
      says: 'Changes some keys of a configuration; null deletes one (KIP-477).',
      body: 'ConfigPatch',
      answers: { 200: 'Connector' },
      handle: async ({ params, body }) => ok(await worker.patch(params.name!, patchOf(body))),
    },
  ];
}

function topicRoutes(worker: Worker): Route[] {
  const { settings, statuses } = worker.services;
  const assertTracking = () => {
    if (settings.boolean('topic.tracking.enable')) return;
    throw new RequestError(403, 'Topic tracking is disabled (topic.tracking.enable=false).');
  };
  return [
    {
      method: 'GET',
      path: '/connectors/{name}/topics',
      says: 'The topics a connector has used since it was created or since the last reset (KIP-558).',
      answers: { 200: 'Topics' },
      handle: ({ params }) => {
        assertTracking();
        return ok({ [params.name!]: { topics: statuses.topics(params.name!) } });
      },
    },
    {
      method: 'PUT',
      path: '/connectors/{name}/topics/reset',
      says: 'Forgets those topics.',
      answers: { 202: null },
      handle: ({ params }) => {
        assertTracking();
        if (!settings.boolean('topic.tracking.allow.reset')) {
          throw new RequestError(403, 'Topic tracking reset is disabled (topic.tracking.allow.reset=false).');
        }
        statuses.resetTopics(params.name!);
        return accepted;
      },
    },
  ];
}
