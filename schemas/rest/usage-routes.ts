/**
 * `GET /subjects/{s}/usage`, ours: who was seen with each version, and which schemas refer to it. What a delete would break.
 */
import type { RegistryCore } from '../core.ts';
import { contextOf } from '../subject-name.ts';
import type { SchemaUsage } from '../usage.ts';
import type { RestRequest } from './request.ts';
import type { Route } from './routes.ts';

export function usageRoutes(core: RegistryCore, usage: SchemaUsage): Route[] {
  const answer = (request: RestRequest) => {
    const { subject = '', version } = request.params;
    const versions =
      version === undefined ? core.versions(subject) : [core.version(subject, version, { deleted: true })];
    return {
      since: usage.since,
      versions: versions.map((each) => ({
        version: each.version,
        id: each.id,
        uses: usage.of(contextOf(each.subject), each.id),
        referencedBy: core.referencedBy(each.subject, String(each.version)),
      })),
    };
  };
  return [
    { method: 'GET', path: '/subjects/:subject/usage', handle: answer },
    { method: 'GET', path: '/subjects/:subject/versions/:version/usage', handle: answer },
  ];
}
