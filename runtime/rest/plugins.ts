/**
 * `/connector-plugins`: what there is, which keys it has, whether a config would do.
 */
import type { Plugin } from '../../connectors/api/index.ts';
import { RequestError } from '../errors.ts';
import { connectorKeyInfos, keyInfos } from '../worker/config-infos.ts';
import type { Worker } from '../worker/worker.ts';
import { configOf, flag } from './body.ts';
import { ok, type Route } from './route.ts';

export function pluginRoutes(worker: Worker): Route[] {
  const { plugins } = worker.services;
  return [
    {
      method: 'GET',
      path: '/connector-plugins',
      says: 'Every plugin under each of its full names: ours, and the Java classes it stands in for.',
      query: { connectorsOnly: 'false lists transforms, predicates and converters as well.' },
      answers: { 200: 'Plugins' },
      handle: ({ query }) => {
        const connectorsOnly = flag(query.connectorsOnly ?? 'true');
        const listed = plugins.list.filter(({ type }) => !connectorsOnly || type === 'source' || type === 'sink');
        return ok(listed.flatMap((plugin) => plugins.fullNames(plugin).map((name) => shown(plugin, name))));
      },
    },
    {
      method: 'GET',
      path: '/connector-plugins/{plugin}/config',
      says: 'The configuration keys of a plugin, those of the runtime included where it is a connector.',
      answers: { 200: 'ConfigKeys' },
      handle: ({ params }) => {
        const plugin = plugins.any(params.plugin!);
        if (plugin === undefined) throw new RequestError(404, plugins.unknown(params.plugin!));
        const isConnector = plugin.type === 'source' || plugin.type === 'sink';
        return ok(isConnector ? connectorKeyInfos(plugin, { plugins, worker: {} }) : keyInfos(plugin.config));
      },
    },
    {
      method: 'PUT',
      path: '/connector-plugins/{plugin}/config/validate',
      says: 'Judges a configuration, key by key; 200 also when it is wrong.',
      body: 'Config',
      answers: { 200: 'Validation' },
      handle: async ({ params, body }) => {
        const config = configOf(body);
        const asked = params.plugin!;
        const named = plugins.find(asked, 'source', 'sink');
        if (named === undefined) throw new RequestError(400, plugins.unknown(asked, 'source', 'sink'));
        const given = config['connector.class'];
        if (given === undefined) {
          throw new RequestError(
            400,
            'The configuration has no "connector.class". Add it, or name the class you meant.',
          );
        }
        if (plugins.find(given.trim(), 'source', 'sink') !== named) {
          throw new RequestError(400, `Included connector type ${given} does not match request type ${asked}`);
        }
        return ok(await worker.validate(given, config));
      },
    },
  ];
}

/** With the place it was loaded from, where it is one of plugin.path; those of the house have none. */
function shown({ type, version, location }: Plugin & { readonly location?: string }, name: string): object {
  return { class: name, type, version, ...(location === undefined ? {} : { location }) };
}
