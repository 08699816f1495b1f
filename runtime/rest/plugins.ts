/**
 * `/connector-plugins`: what there is, which keys it has, whether a config would do.
 */
import type { FastifyInstance } from 'fastify';
import type { Plugin } from '../../connectors/api/index.ts';
import { RequestError } from '../errors.ts';
import { keyInfos } from '../worker/config-infos.ts';
import { connectorKeys, sinkKeys, sourceKeys } from '../worker/keys.ts';
import type { Worker } from '../worker/worker.ts';
import { configOf, flag } from './body.ts';

interface ByPlugin {
  Params: { plugin: string };
}

export function pluginRoutes(server: FastifyInstance, worker: Worker): void {
  const { plugins } = worker.services;

  server.get<{ Querystring: { connectorsOnly?: string } }>('/connector-plugins', async (request) => {
    const connectorsOnly = flag(request.query.connectorsOnly ?? 'true');
    return plugins.list
      .filter(({ type }) => !connectorsOnly || type === 'source' || type === 'sink')
      .map(({ class: name, type, version, location }: Plugin & { location?: string }) => ({
        class: name,
        type,
        version,
        // Where a plugin of plugin.path was loaded from; those of the house have none.
        ...(location === undefined ? {} : { location }),
      }));
  });

  server.get<ByPlugin>('/connector-plugins/:plugin/config', async (request) => {
    const plugin = plugins.any(request.params.plugin);
    if (plugin === undefined) throw new RequestError(404, plugins.unknown(request.params.plugin));
    if (plugin.type === 'source') return keyInfos({ ...connectorKeys, ...sourceKeys, ...plugin.config });
    if (plugin.type === 'sink') return keyInfos({ ...connectorKeys, ...sinkKeys, ...plugin.config });
    return keyInfos(plugin.config);
  });

  server.put<ByPlugin>('/connector-plugins/:plugin/config/validate', async (request) => {
    const config = configOf(request.body);
    const named = plugins.find(request.params.plugin, 'source', 'sink');
    if (named === undefined) throw new RequestError(400, plugins.unknown(request.params.plugin, 'source', 'sink'));
    const given = config['connector.class'];
    if (given === undefined) {
      throw new RequestError(400, 'The configuration has no "connector.class". Add it, or name the class you meant.');
    }
    if (plugins.find(given.trim(), 'source', 'sink') !== named) {
      const message = `Included connector type ${given} does not match request type ${request.params.plugin}`;
      throw new RequestError(400, message);
    }
    return worker.validate(named.class, config);
  });
}
