/**
 * AlterConfigs (key 33): replaces all overrides of a topic; a key that is not named falls back to its default. Its
 * successor is IncrementalAlterConfigs.
 */
import { decodeAlterConfigsRequest } from '../protocol/messages/generated/alter-configs-request.ts';
import { encodeAlterConfigsResponse } from '../protocol/messages/generated/alter-configs-response.ts';
import { defineApi } from '../server/api.ts';
import { alterResource } from './config-resource.ts';

export const alterConfigs = defineApi({
  decode: decodeAlterConfigsRequest,
  encode: encodeAlterConfigsResponse,
  async handle(request, call, broker) {
    const responses = request.resources.map((resource) =>
      alterResource(broker, call, resource, request.validateOnly, () => {
        const overrides: Record<string, string> = {};
        for (const { name, value } of resource.configs) if (value !== null) overrides[name] = value;
        return overrides;
      }),
    );
    return { responses: await Promise.all(responses) };
  },
});
