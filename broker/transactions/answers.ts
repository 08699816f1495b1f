/**
 * What the transaction coordinator says: to producers, and to whoever operates them. Pure but for the log line.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { Logger } from './ports.ts';
import type { InitRequest, ProducerAnswer, ProducerIdentity, Transaction } from './types.ts';

export function refused(error: ErrorName): ProducerAnswer {
  return { error, producerId: -1, producerEpoch: -1 };
}

export function told({ producerId, producerEpoch }: Transaction): ProducerAnswer {
  return { error: 'NONE', producerId, producerEpoch };
}

/** What is wrong with the request itself; null for nothing. */
export function refuseInit({ transactionalId, timeoutMs }: InitRequest, timeoutMsMax: number): ErrorName | null {
  if (transactionalId === '') return 'INVALID_REQUEST';
  return timeoutMs > 0 && timeoutMs <= timeoutMsMax ? null : 'INVALID_TRANSACTION_TIMEOUT';
}

/** Clients give up after this, so whoever operates them will ask why. */
export function noteInvalidEnd(logger: Logger, now: Transaction, who: ProducerIdentity, isCommit: boolean): void {
  const { transactionalId, producerId, state, producerEpoch: epoch } = now;
  const fields = { transactionalId, producerId, state, epoch, askedEpoch: who.producerEpoch, isCommit };
  logger.warn(fields, 'A transaction cannot end like this: it is not open, or has ended otherwise.');
}
