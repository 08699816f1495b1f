/**
 * What every outside client is asked to do against our broker. Each client has a small program in a folder beside this
 * file, `<program> <bootstrap> <scenario>`, which ends with 0 or with the failure on stderr; it decides itself how its
 * own API says these things.
 */

import { servedApis } from '../../../broker/apis/served.ts';
import { type ApiName, apis } from '../../../broker/protocol/messages/generated/apis.ts';

export interface Scenario {
  readonly name: string;
  /** The test's name. */
  readonly says: string;
  /** The API without which it cannot work: the test exists as soon as the broker advertises it. */
  readonly needs: ApiName;
}

const all: readonly Scenario[] = [
  {
    name: 'records',
    says: 'keys, headers, timestamps, tombstones and every codec come back as they went in, with every acks',
    needs: 'fetch',
  },
  {
    name: 'idempotence',
    says: 'an idempotent producer with many small batches writes each once',
    needs: 'initProducerId',
  },
  {
    name: 'rebalance',
    says: 'two members share the partitions, and the one that stays takes over',
    needs: 'syncGroup',
  },
  { name: 'cooperative', says: 'members share and take over by the cooperative protocol', needs: 'syncGroup' },
  {
    name: 'consumer-protocol',
    says: "members share and take over by KIP-848's protocol",
    needs: 'consumerGroupHeartbeat',
  },
  { name: 'offsets', says: 'a group goes on where it committed, and gets its metadata back', needs: 'offsetFetch' },
  {
    name: 'transactions',
    says: 'read_committed sees committed transactions with their offsets, nothing aborted, nothing open; zombies are fenced',
    needs: 'endTxn',
  },
  {
    name: 'topics',
    says: 'topics are created, refused a second time, grown, described and deleted',
    needs: 'createTopics',
  },
  { name: 'configs', says: 'configs are set, appended to, described and taken back', needs: 'incrementalAlterConfigs' },
  { name: 'groups', says: 'groups are listed, described, moved and deleted', needs: 'deleteGroups' },
  { name: 'positions', says: 'offsets are found by time, and records before one are deleted', needs: 'deleteRecords' },
  { name: 'cluster', says: 'the cluster and its log directories are described', needs: 'describeLogDirs' },
];

/** Those that the broker offers now. */
export const scenarios = all.filter(({ needs }) => servedApis.some(({ key }) => key === apis[needs].key));
