import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { registryOf } from '../../test/kit/registry.ts';
import { routes } from '../rest/routes.ts';
import { needOf } from './access.ts';

describe('the role that an endpoint needs', () => {
  it('is at least write for whatever changes something', async (test) => {
    const { core, usage } = await registryOf(test);
    const free = routes(core, usage).flatMap(({ method, path }) => {
      const need = needOf(method, path);
      return method === 'GET' || (need !== null && need.role !== 'read') ? [] : [`${method} ${path}`];
    });
    assert.deepEqual(free, [
      'POST /subjects/:subject',
      'POST /compatibility/subjects/:subject/versions/:version',
      'POST /compatibility/subjects/:subject/versions',
      'POST /',
      'POST /subjects/:subject/try',
    ]);
  });

  it('is read of the subject for whatever shows one', () => {
    assert.deepEqual(needOf('GET', '/subjects/:subject/versions/:version'), { role: 'read', ofSubject: true });
    assert.deepEqual(needOf('GET', '/config/:subject'), { role: 'read', ofSubject: true });
    assert.equal(needOf('GET', '/subjects'), null);
    assert.deepEqual(needOf('PUT', '/mode'), { role: 'admin', ofSubject: false });
    assert.deepEqual(needOf('DELETE', '/contexts/:context'), { role: 'admin', ofSubject: false });
  });
});
