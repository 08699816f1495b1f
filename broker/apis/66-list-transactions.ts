/**
 * ListTransactions (key 66): transactional ids by state, producer id, running time (v1, KIP-994) and name (v2, KIP-1152).
 */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeListTransactionsRequest } from '../protocol/messages/generated/list-transactions-request.ts';
import { encodeListTransactionsResponse } from '../protocol/messages/generated/list-transactions-response.ts';
import { defineApi } from '../server/api.ts';
import { transactionStates } from '../transactions/types.ts';
import { isAllowed } from './authorize.ts';

/** RE2 as in Kafka: matches in linear time, whatever a client sends. It takes 8 ms to load, so only when it is asked for. */
const require = createRequire(import.meta.url);
/** Matching costs pattern times name. */
const patternLengthMax = 4096;
/** States a filter may name although no listing shows them: ids on their way out, and fences within one step. */
const passingStates = ['Dead', 'PrepareEpochFence'];

export const listTransactions = defineApi({
  decode: decodeListTransactionsRequest,
  encode: encodeListTransactionsResponse,
  handle(request, call, broker) {
    const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request;
    const pattern = compile(transactionalIdPattern ?? '');
    if (pattern === 'invalid') return { errorCode: ErrorCode.INVALID_REGULAR_EXPRESSION };
    const nowMs = Date.now();
    const found = [...broker.transactions.transactions()].filter(
      ({ state, producerId, startTimestamp, transactionalId }) =>
        (stateFilters.length === 0 || stateFilters.includes(state)) &&
        (producerIdFilters.length === 0 || producerIdFilters.includes(producerId)) &&
        (durationFilter < 0 || nowMs - startTimestamp > durationFilter) &&
        (pattern === null || pattern.matches(transactionalId)) &&
        isAllowed(broker, call, 'describe', 'transactionalId', transactionalId),
    );
    return {
      errorCode: 0,
      unknownStateFilters: stateFilters.filter((name) => !(name in transactionStates) && !passingStates.includes(name)),
      transactionStates: found.map(({ transactionalId, producerId, state }) => ({
        transactionalId,
        producerId,
        transactionState: state,
      })),
    };
  },
});

function compile(pattern: string): RE2JS | null | 'invalid' {
  if (pattern === '') return null;
  if (pattern.length > patternLengthMax) return 'invalid';
  try {
    return (require('re2js') as typeof import('re2js')).RE2JS.compile(pattern);
  } catch {
    return 'invalid';
  }
}
