/**
 * Schema linking (`/exporters`): commercial at Confluent's, absent here. Who asks hears politely that nothing is exported
 * and that nothing can be, in the forms and codes that its clients read.
 */
import { errors } from '../errors.ts';
import type { Route } from './routes.ts';

export const exporterRoutes: readonly Route[] = [
  { method: 'GET', path: '/exporters', handle: () => [] },
  {
    method: 'POST',
    path: '/exporters',
    handle: () => {
      throw errors.notPermitted('This registry exports to no other; copy the topic _schemas, or register there, too.');
    },
  },
  ...(['', '/config', '/status'] as const).flatMap((below): Route[] => [
    { method: 'GET', path: `/exporters/:exporter${below}`, handle: unknown },
  ]),
  { method: 'PUT', path: '/exporters/:exporter', handle: unknown },
  { method: 'DELETE', path: '/exporters/:exporter', handle: unknown },
  ...(['pause', 'resume', 'reset', 'config'] as const).map(
    (below): Route => ({ method: 'PUT', path: `/exporters/:exporter/${below}`, handle: unknown }),
  ),
];

function unknown({ params }: { readonly params: Readonly<Record<string, string>> }): never {
  throw errors.exporterNotFound(params.exporter ?? '');
}
