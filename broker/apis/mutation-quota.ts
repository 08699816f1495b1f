/**
 * The quota of partitions made and deleted (`controller_mutation_rate`, KIP-599): one huge or endless run of topic changes
 * must not keep the metadata log to itself. From the versions on that know the error, a request over it is told to come
 * again; older ones are served and told to be silent for a while.
 */
import { BrokerError } from '../errors.ts';
import type { Call } from '../server/api.ts';
import type { BrokerState } from '../state.ts';

export class MutationQuota {
  readonly #broker: BrokerState;
  readonly #call: Call;
  readonly #isStrict: boolean;
  /** What the answer announces. */
  throttleTimeMs = 0;

  /** `strictFrom`: the first version of the API that knows THROTTLING_QUOTA_EXCEEDED. */
  constructor(broker: BrokerState, call: Call, strictFrom: number) {
    this.#broker = broker;
    this.#call = call;
    this.#isStrict = call.apiVersion >= strictFrom;
  }

  /** Counts partitions that are about to change. Throws THROTTLING_QUOTA_EXCEEDED when earlier ones are still to be paid off. */
  charge(partitions: number): void {
    const { quotas } = this.#broker.security;
    if (quotas.isEmpty) return;
    const user = this.#call.session.principal.name;
    const clientId = this.#call.clientId ?? '';
    const now = performance.now();
    const waitMs = this.#isStrict ? quotas.waitMs('controller_mutation_rate', user, clientId, now) : 0;
    if (waitMs > 0) {
      this.throttleTimeMs = Math.max(this.throttleTimeMs, waitMs);
      throw new BrokerError('THROTTLING_QUOTA_EXCEEDED', 'The throttling quota has been exceeded.');
    }
    const silentMs = quotas.record('controller_mutation_rate', user, clientId, partitions, now);
    this.throttleTimeMs = Math.max(this.throttleTimeMs, silentMs);
  }
}
