/**
 * AlterConfigs (key 33): replaces all overrides of a topic, a broker or a group; a key that is not named falls back to its
 * default. Its successor is IncrementalAlterConfigs.
 */
import { decodeAlterConfigsRequest } from '../protocol/messages/generated/alter-configs-request.ts';
import { encodeAlterConfigsResponse } from '../protocol/messages/generated/alter-configs-response.ts';
import { defineApi } from '../server/api.ts';
import { alterResource, outcomeOf, refuseBadKeys, refuseRepeated } from './config-resource.ts';

export const alterConfigs = defineApi({
  decode: decodeAlterConfigsRequest,
  encode: encodeAlterConfigsResponse,
  async handle({ resources, validateOnly }, call, broker) {
    const responses = resources.map((resource) =>
      outcomeOf(broker, resource, () => {
        refuseRepeated(resource, resources);
        refuseBadKeys(resource.configs, () => true);
        const values = Object.fromEntries(resource.configs.map(({ name, value }) => [name, value!]));
        return alterResource(broker, call, resource, validateOnly, () => values);
      }),
    );
    return { responses: await Promise.all(responses) };
  },
});
