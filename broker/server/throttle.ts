/**
 * What a request costs the quotas of its client, and for how long the client is to be silent for it. Asked by the
 * dispatcher for every answer once any quota exists; nothing is asked before a login.
 */
import type { QuotaKey, Quotas } from '../security/quotas.ts';
import type { Call } from './api.ts';

const Key = { produce: 0, fetch: 1 } as const;

export interface Cost {
  readonly apiKey: number;
  readonly requestBytes: number;
  /** How long the event loop was busy with it. */
  readonly busyMs: number;
}

/** Milliseconds, as `throttle_time_ms` announces them: the longest of what each quota asks for. */
export function throttleMs(quotas: Quotas, call: Call, { apiKey, requestBytes, busyMs }: Cost): number {
  const { authentication, principal } = call.session;
  if (authentication !== null && !authentication.isDone) return 0;
  const nowMs = performance.now();
  const record = (key: QuotaKey, amount: number): number =>
    quotas.record(key, principal.name, call.clientId ?? '', amount, nowMs);
  const forTime = record('request_percentage', busyMs);
  if (apiKey === Key.produce) return Math.max(forTime, record('producer_byte_rate', requestBytes));
  if (apiKey === Key.fetch) return Math.max(forTime, record('consumer_byte_rate', call.fetchedBytes));
  return forTime;
}
