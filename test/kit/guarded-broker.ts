/**
 * A running broker with a listener that asks who is there, beside a plain one on the loopback for the test itself.
 */
import { randomBytes } from 'node:crypto';
import type { Broker, BrokerOptions } from '../../broker/broker.ts';
import { type Acl, clusterName, Operation, PatternType, Permission, ResourceType } from '../../broker/security/acl.ts';
import { credentialOf, type ScramMechanism, saltPassword, scramMechanisms } from '../../broker/security/scram.ts';
import { startTestBroker } from './broker.ts';

export interface GuardedOptions {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** `sasl.enabled.mechanisms`. */
  readonly mechanisms?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly logger?: BrokerOptions['logger'];
}

export interface GuardedBroker {
  readonly broker: Broker;
  /** The guarded listener. */
  readonly bootstrap: string;
  readonly port: number;
  /** The plain one, where everybody is ANONYMOUS and may do everything. */
  readonly plain: string;
  addUser(name: string, password: string): Promise<void>;
  allow(principal: string, resource: Partial<Acl>): Promise<void>;
  /** By ACLs, as `millrace user add --admin` does. */
  allowEverything(principal: string): Promise<void>;
}

const iterations = 4096;

export async function startGuardedBroker(
  test: { after(cleanUp: () => Promise<void>): void },
  options: GuardedOptions,
): Promise<GuardedBroker> {
  const { protocol, mechanisms, logger } = options;
  const config = {
    listeners: `PLAINTEXT://127.0.0.1:0,${protocol}://127.0.0.1:0`,
    ...(mechanisms === undefined ? {} : { 'sasl.enabled.mechanisms': mechanisms }),
    ...options.config,
  };
  const { broker } = await startTestBroker(test, { config, ...(logger === undefined ? {} : { logger }) });
  const addressOf = (name: string) => broker.addresses.get(name)!;
  const allow = async (principal: string, resource: Partial<Acl>): Promise<void> => {
    const permissionType = Permission.allow;
    const named = { resourceType: ResourceType.topic, resourceName: '*', patternType: PatternType.literal };
    const acl = { ...named, operation: Operation.all, host: '*', permissionType, principal, ...resource };
    await broker.security.acls.add([acl]);
  };
  return {
    broker,
    bootstrap: `127.0.0.1:${addressOf(protocol).port}`,
    port: addressOf(protocol).port,
    plain: `127.0.0.1:${addressOf('PLAINTEXT').port}`,
    allow,
    async addUser(user, password) {
      const changes = (Object.keys(scramMechanisms) as ScramMechanism[]).map(async (mechanism) => {
        const salt = randomBytes(16);
        const salted = await saltPassword(mechanism, password, salt, iterations);
        return { user, mechanism, credential: credentialOf(mechanism, salted, salt, iterations) };
      });
      await broker.security.users.change(await Promise.all(changes));
    },
    async allowEverything(principal) {
      for (const resourceType of [ResourceType.topic, ResourceType.group, ResourceType.transactionalId]) {
        await allow(principal, { resourceType });
      }
      await allow(principal, { resourceType: ResourceType.cluster, resourceName: clusterName });
    },
  };
}
