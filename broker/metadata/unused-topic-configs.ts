/**
 * Kafka's topic configs that mean nothing on one node without tiered storage. They are kept and shown as in Kafka, because
 * tools copy a topic's configs from cluster to cluster whole; what they would switch on is refused.
 */
import type { TopicConfigDefinition } from './topic-config.ts';

const replication = 'Kept for tools that set it; one node replicates nothing.';
const tiering = 'Kept for tools that set it; there is no tiered storage here.';

export const unusedTopicConfigs: readonly TopicConfigDefinition[] = [
  {
    name: 'follower.replication.throttled.replicas',
    synonym: null,
    type: 'list',
    defaultValue: '',
    doc: replication,
  },
  { name: 'leader.replication.throttled.replicas', synonym: null, type: 'list', defaultValue: '', doc: replication },
  {
    name: 'local.retention.bytes',
    synonym: 'log.local.retention.bytes',
    type: 'long',
    defaultValue: '-2',
    min: -2,
    doc: tiering,
  },
  {
    name: 'local.retention.ms',
    synonym: 'log.local.retention.ms',
    type: 'long',
    defaultValue: '-2',
    min: -2,
    doc: tiering,
  },
  {
    name: 'remote.log.copy.disable',
    synonym: null,
    type: 'boolean',
    defaultValue: 'false',
    doc: tiering,
  },
  {
    name: 'remote.log.delete.on.disable',
    synonym: null,
    type: 'boolean',
    defaultValue: 'false',
    doc: tiering,
  },
  {
    name: 'remote.storage.enable',
    synonym: null,
    type: 'string',
    defaultValue: 'false',
    oneOf: ['false'],
    doc: 'Only false: there is no tiered storage here.',
  },
];
