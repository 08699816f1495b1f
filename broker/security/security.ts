/**
 * Everything about who may connect and what they may do, composed: users, ACLs, quotas, and the listeners' ways of
 * logging in. broker.ts makes one; handlers reach it as `broker.security`.
 */
import type { Logger } from '../broker.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import type { MetadataLog } from '../metadata/metadata-log.ts';
import { Acls } from './acls.ts';
import { Authentication, type AuthenticationSurroundings } from './authentication.ts';
import { Authorizer } from './authorizer.ts';
import { JsonWebKeys } from './jwks.ts';
import { TokenValidator } from './jwt.ts';
import type { Listener } from './listeners.ts';
import { Logins } from './logins.ts';
import { OAuthBearerExchange } from './oauth-bearer.ts';
import { PlainExchange } from './plain.ts';
import { type Principal, parseSuperUsers } from './principal.ts';
import { PrincipalMapping } from './principal-mapping.ts';
import { Quotas } from './quotas.ts';
import type { SaslMechanism } from './sasl.ts';
import { ScramExchange, type ScramMechanism } from './scram.ts';
import { Users } from './users.ts';

export class Security {
  readonly users: Users;
  readonly acls: Acls;
  readonly authorizer: Authorizer;
  readonly quotas: Quotas;
  readonly #config: BrokerConfig;
  readonly #now: () => number;
  readonly #logger: Logger;

  constructor(metadata: MetadataLog, config: BrokerConfig, now: () => number, logger: Logger) {
    this.#config = config;
    this.#now = now;
    this.#logger = logger;
    this.users = new Users(metadata);
    this.acls = new Acls(metadata);
    const isOpen = config.boolean('allow.everyone.if.no.acl.found');
    this.authorizer = new Authorizer(this.acls, parseSuperUsers(config.text('super.users')), isOpen);
    const windows = config.number('quota.window.num') - 1;
    this.quotas = new Quotas(metadata, { windowSeconds: windows * config.number('quota.window.size.seconds') });
  }

  /** What all logins of a listener share; null where it asks for none. Throws BrokerConfigError. */
  authenticationOf(listener: Listener): AuthenticationSurroundings | null {
    if (!listener.usesSasl) return null;
    const names = listener.config.list('sasl.enabled.mechanisms');
    this.#warnOfWeakness(listener, names);
    return {
      mechanisms: new Map(names.map((name) => [name, this.#mechanism(name, listener)])),
      sessionMsMax: listener.config.number('connections.max.reauth.ms'),
      failureDelayMs: this.#config.number('connection.failed.authentication.delay.ms'),
      now: this.#now,
      logger: this.#logger,
    };
  }

  /** Logins for doors that are not listeners of the log, by the keys that all listeners share. Throws BrokerConfigError. */
  logins(): Logins {
    const hasIssuer = this.#config.text('sasl.oauthbearer.jwks.endpoint.url') !== '';
    return new Logins({
      credentials: this.users.credential.bind(this.users),
      tokens: hasIssuer ? this.#validator(this.#config) : null,
      mapping: new PrincipalMapping(this.#config.text('ssl.principal.mapping.rules')),
      superUsers: parseSuperUsers(this.#config.text('super.users')),
    });
  }

  #mechanism(name: string, listener: Listener): SaslMechanism {
    const lookup = this.users.credential.bind(this.users);
    if (name === 'PLAIN') return () => new PlainExchange(lookup);
    if (name !== 'OAUTHBEARER') return () => new ScramExchange(name as ScramMechanism, lookup);
    const validator = this.#validator(listener.config);
    return () => new OAuthBearerExchange(validator);
  }

  #validator(config: BrokerConfig): TokenValidator {
    const keys = new JsonWebKeys({
      url: config.text('sasl.oauthbearer.jwks.endpoint.url'),
      refreshMs: config.number('sasl.oauthbearer.jwks.endpoint.refresh.ms'),
      now: this.#now,
      logger: this.#logger,
    });
    const rules = {
      issuer: config.text('sasl.oauthbearer.expected.issuer') || null,
      audiences: config.list('sasl.oauthbearer.expected.audience'),
      clockSkewMs: config.number('sasl.oauthbearer.clock.skew.seconds') * 1000,
      userClaim: config.text('sasl.oauthbearer.sub.claim.name'),
    };
    return new TokenValidator(keys, rules, this.#now);
  }

  #warnOfWeakness({ name, usesTls, config }: Listener, mechanisms: readonly string[]): void {
    const inClear = mechanisms.filter((mechanism) => mechanism === 'PLAIN' || mechanism === 'OAUTHBEARER');
    if (!usesTls && inClear.length > 0) {
      this.#logger.warn(
        { listener: name },
        `${inClear.join(' and ')} without TLS: passwords and tokens can be overheard.`,
      );
    }
    if (mechanisms.includes('OAUTHBEARER') && config.list('sasl.oauthbearer.expected.audience').length === 0) {
      this.#logger.warn(
        { listener: name },
        'OAUTHBEARER takes tokens that the issuer gave for other services, too; set sasl.oauthbearer.expected.audience.',
      );
    }
  }
}

/** The login of a new connection; null where its listener asks for none. */
export function newAuthentication(
  around: AuthenticationSurroundings | null,
  clientHost: string,
  onSuccess: (principal: Principal) => void,
): Authentication | null {
  return around === null ? null : new Authentication(around, clientHost, onSuccess);
}
