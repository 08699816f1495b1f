/**
 * `/connectors/{name}/offsets`: read, alter, reset (KIP-875).
 */
import type { FastifyInstance } from 'fastify';
import type { Worker } from '../worker/worker.ts';
import { offsetsOf } from './body.ts';

interface ByName {
  Params: { name: string };
}

export function offsetRoutes(server: FastifyInstance, worker: Worker): void {
  server.get<ByName>('/connectors/:name/offsets', async (request) => ({
    offsets: await worker.offsets.list(request.params.name),
  }));

  server.patch<ByName>('/connectors/:name/offsets', async (request) => ({
    message: await worker.offsets.alter(request.params.name, offsetsOf(request.body)),
  }));

  server.delete<ByName>('/connectors/:name/offsets', async (request) => ({
    message: await worker.offsets.reset(request.params.name),
  }));
}
