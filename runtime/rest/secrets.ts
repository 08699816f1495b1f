/**
 * `/secrets`: names and keys of secrets, never their values. Ours alone; Kafka Connect has no such path.
 */
import { RequestError } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import { fieldsOf } from './body.ts';
import { noContent, ok, type Route } from './route.ts';

export function secretRoutes(worker: Worker): Route[] {
  const { secrets } = worker.services;
  return [
    {
      method: 'GET',
      path: '/secrets',
      says: 'The secrets kept in the log: their names and keys, not their values.',
      answers: { 200: 'Secrets' },
      handle: async () => ok(await secrets.list()),
    },
    {
      method: 'PUT',
      path: '/secrets/{name}',
      says: 'Creates a secret or changes keys of it; null takes a key away. Connectors that refer to it restart.',
      body: 'SecretValues',
      answers: { 200: 'Secret' },
      handle: async ({ params, body }) => {
        const info = await secrets.put(params.name!, valuesOf(body));
        worker.secretChanged(params.name!);
        return ok(info);
      },
    },
    {
      method: 'DELETE',
      path: '/secrets/{name}',
      says: 'Deletes a secret.',
      answers: { 204: null },
      handle: async ({ params }) => {
        await secrets.remove(params.name!);
        return noContent;
      },
    },
    {
      method: 'POST',
      path: '/secrets/rotate',
      says: 'Encrypts every secret with the first of the keys that are given.',
      answers: { 200: 'Rotated' },
      handle: async () => ok({ rotated: await secrets.rotate() }),
    },
  ];
}

/** The message must not repeat what was sent: it may be a secret in the wrong place. */
function valuesOf(body: unknown): Record<string, string | null> {
  const values: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(fieldsOf(body))) {
    if (value !== null && typeof value !== 'string') {
      throw new RequestError(400, `The value of "${key}" must be text, or null to take the key away.`);
    }
    values[key] = value;
  }
  if (Object.keys(values).length === 0) throw new RequestError(400, 'A secret needs at least one key with a value.');
  return values;
}
