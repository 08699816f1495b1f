/**
 * `/connectors/{name}/offsets`: read, alter, reset (KIP-875).
 */
import type { Worker } from '../worker/worker.ts';
import { offsetsOf } from './body.ts';
import { ok, type Route } from './route.ts';

const path = '/connectors/{name}/offsets';

export function offsetRoutes(worker: Worker): Route[] {
  return [
    {
      method: 'GET',
      path,
      says: 'The offsets of a connector: those of a source, or those of the group of a sink.',
      answers: { 200: 'Offsets' },
      handle: async ({ params }) => ok({ offsets: await worker.offsets.list(params.name!) }),
    },
    {
      method: 'PATCH',
      path,
      says: 'Alters offsets of a stopped connector; null forgets one.',
      body: 'Offsets',
      answers: { 200: 'Message' },
      handle: async ({ params, body }) => ok({ message: await worker.offsets.alter(params.name!, offsetsOf(body)) }),
    },
    {
      method: 'DELETE',
      path,
      says: 'Forgets all offsets of a stopped connector.',
      answers: { 200: 'Message' },
      handle: async ({ params }) => ok({ message: await worker.offsets.reset(params.name!) }),
    },
  ];
}
