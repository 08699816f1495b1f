/**
 * The numbers of ACLs in the protocol: resource and pattern types, operations, permissions, SCRAM mechanisms. Those of
 * Apache Kafka 4.4.0 (org.apache.kafka.common.resource, .acl, and KIP-554).
 */

export const ResourceType = {
  any: 1,
  topic: 2,
  group: 3,
  cluster: 4,
  transactionalId: 5,
  delegationToken: 6,
  user: 7,
} as const;

export const PatternType = { any: 1, match: 2, literal: 3, prefixed: 4 } as const;

export const Operation = {
  any: 1,
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
  createTokens: 13,
  describeTokens: 14,
  twoPhaseCommit: 15,
} as const;

export const Permission = { any: 1, deny: 2, allow: 3 } as const;

export const ScramMechanismCode = { 'SCRAM-SHA-256': 1, 'SCRAM-SHA-512': 2 } as const;

/** The one name a resource of type cluster has. */
export const clusterName = 'kafka-cluster';
/** A literal of this name is every resource of its type; as a host it is every host. */
export const wildcard = '*';
