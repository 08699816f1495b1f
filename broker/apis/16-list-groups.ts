/**
 * ListGroups (key 16). v4 filter by state (KIP-518) · v5 filter by type (KIP-848).
 */
import { decodeListGroupsRequest } from '../protocol/messages/generated/list-groups-request.ts';
import { encodeListGroupsResponse } from '../protocol/messages/generated/list-groups-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed, isAllowedOnCluster } from './authorize.ts';

export const listGroups = defineApi({
  decode: decodeListGroupsRequest,
  encode: encodeListGroupsResponse,
  handle(request, call, broker) {
    const maySeeAll = isAllowedOnCluster(broker, call, 'describe');
    const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
    const groups = broker.groups
      .list()
      .filter(({ group }) => maySeeAll || isAllowed(broker, call, 'describe', 'group', group))
      .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
      .filter(({ type }) => types.size === 0 || types.has(type))
      .map(({ group, protocolType, state, type }) => ({
        groupId: group,
        protocolType,
        groupState: state,
        groupType: type,
      }));
    return { errorCode: 0, groups };
  },
});
