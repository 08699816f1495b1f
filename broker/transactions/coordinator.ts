/**
 * The transaction coordinator: which producer has a transactional id, what its transaction holds, and how it ends. One for the
 * whole broker, called by the API handlers. The rules are transitions.ts; this file brings them to pass.
 *
 * Changes are on disk before they are true here or told to anybody, one at a time for each transactional id. An end is two of
 * them with the markers between (KIP-98): once "prepare" is on disk the outcome is decided; the markers make it so in every
 * partition, and "complete" says that they all did. A restart goes on with the markers of what was prepared.
 *
 * Within this process a transaction waits for the disk once: it begins without (`addPartitionsAtOnce`), its "prepare" goes there
 * with its records and stands only where they are found (`commitWith`), and its markers wait for the next one's records
 * (unsynced-markers.ts). It never looks at records, and does not know which of them reached a partition.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import { noteInvalidEnd, refused, refuseInit, told } from './answers.ts';
import {
  type Attempt,
  type CommittedRecords,
  Entry,
  mayHaveOrphans,
  type TransactionConfig,
  type TransactionSurroundings,
} from './entry.ts';
import { MarkerRetries } from './marker-retries.ts';
import { listPartitions } from './partitions.ts';
import { Periodic } from './periodic.ts';
import { transactionRecord, transactionTombstone, type Unsynced } from './records.ts';
import * as rules from './transitions.ts';
import type {
  AwaitedRecords,
  InitRequest,
  ProducerAnswer,
  ProducerIdentity,
  TopicPartition,
  Transaction,
  TransactionVersion,
} from './types.ts';
import { awaitsMarker, UnsyncedMarkers } from './unsynced-markers.ts';

/**
 * How long a request waits here for the end of what is under way with its transactional id before the client is told to
 * ask again. An end takes a few fdatasyncs; a client's own retry would take its backoff.
 */
const concurrentWaitMs = 1000;
/** After a record could not be written (a full disk), until it is tried again. */
const retryMs = 1000;

/** Callbacks are called exactly once, possibly before the method returned. */
export class TransactionCoordinator {
  readonly #entries = new Map<string, Entry>();
  readonly #config: TransactionConfig;
  readonly #around: TransactionSurroundings;
  readonly #periodic: Periodic;
  readonly #markers: MarkerRetries;
  /** Producer ids of earlier starts of the broker. */
  readonly #formerIds = new Set<number>();
  readonly #unsynced: UnsyncedMarkers;
  #isStopped = false;

  constructor(config: TransactionConfig, around: TransactionSurroundings) {
    this.#config = config;
    this.#around = around;
    this.#periodic = new Periodic(around.timers);
    this.#markers = new MarkerRetries(around);
    this.#unsynced = new UnsyncedMarkers(around, this.#markers, (entry) => this.#synced(entry));
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Gives the id to this producer: the next epoch, so that whoever had it is fenced; what was open is aborted. */
  initProducerId(request: InitRequest, done: (answer: ProducerAnswer) => void): void {
    const refusal = this.#isStopped ? 'NOT_COORDINATOR' : refuseInit(request, this.#config.timeoutMsMax);
    if (refusal !== null) {
      done(refused(refusal));
      return;
    }
    this.#entryFor(request).then(
      (entry) => {
        const nowMs = this.#around.timers.now();
        this.#run({
          entry,
          deadlineMs: nowMs + concurrentWaitMs,
          decide: (now, id) => rules.decideInit(now, request, this.#around.timers.now(), id, entry.mayHaveOrphans),
          done: (error, next) => {
            if (error === 'NONE') entry.mayHaveOrphans = false;
            // The id expired while this waited: the client's next attempt begins it anew.
            if (error === 'INVALID_PRODUCER_ID_MAPPING') done(refused('CONCURRENT_TRANSACTIONS'));
            else done(error === 'NONE' ? told(next ?? entry.current) : refused(error));
          },
          timer: null,
        });
      },
      (err: unknown) => {
        const { transactionalId } = request;
        this.#around.logger.error({ err, transactionalId }, 'A transactional id could not be begun.');
        done(refused('COORDINATOR_NOT_AVAILABLE'));
      },
    );
  }

  /** Takes partitions into the producer's transaction, and opens it with the first. */
  addPartitions(
    who: ProducerIdentity,
    partitions: readonly TopicPartition[],
    version: TransactionVersion,
    done: (error: ErrorName) => void,
  ): void {
    this.#add(who, partitions, version, false, done);
  }

  /**
   * The same for a producer within this process (KIP-890's), which does not outlive the broker. Nothing waits for the disk:
   * after a power cut records may be in their partitions without a transaction that holds them. They are orphans, which
   * orphans.ts aborts, and the next producer of this id gets another producer id, so that nobody takes them for its own.
   */
  addPartitionsAtOnce(
    who: ProducerIdentity,
    partitions: readonly TopicPartition[],
    done: (error: ErrorName) => void,
  ): void {
    this.#add(who, partitions, 2, true, done);
  }

  /** Whether a producer of an earlier start has something open here that no transaction holds. */
  isOrphan(producer: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>, partition: TopicPartition): boolean {
    if (!this.#formerIds.has(producer.producerId)) return false;
    for (const { current, unsynced } of this.#entries.values()) {
      if (rules.holds(current, producer, partition) || awaitsMarker(unsynced, producer, partition)) return false;
    }
    return true;
  }

  /** Whether the producer may write into this partition now: it has a transaction open that the partition is part of. */
  judgeWrite(who: ProducerIdentity, topic: string, partition: number): ErrorName {
    const entry = this.#find(who.transactionalId);
    return entry instanceof Entry ? rules.judgeWrite(entry.current, who, topic, partition) : entry;
  }

  /** Commits or aborts. Answered once that is decided on disk; the markers follow. */
  endTransaction(
    who: ProducerIdentity,
    isCommit: boolean,
    version: TransactionVersion,
    done: (answer: ProducerAnswer) => void,
  ): void {
    this.#end(who, isCommit, version, null, done);
  }

  /**
   * Commits for a producer within this process, together with records that are appended but may not be on disk yet: one wait
   * for both. Answers TRANSACTION_ABORTABLE, and nothing has changed, where the records do not get there.
   */
  commitWith(who: ProducerIdentity, records: CommittedRecords, done: (answer: ProducerAnswer) => void): void {
    this.#end(who, true, 2, records, done);
  }

  /** Undefined where the id is not known. */
  transaction(transactionalId: string): Transaction | undefined {
    return this.#entries.get(transactionalId)?.current;
  }

  *transactions(): Generator<Transaction> {
    for (const { current } of this.#entries.values()) yield current;
  }

  /** Called for each record of `__transaction_state` at the start, oldest first. */
  replay(transactionalId: string, transaction: Transaction | null, unsynced?: Unsynced): void {
    if (transaction === null) {
      this.#entries.delete(transactionalId);
      return;
    }
    const entry = new Entry(transaction, mayHaveOrphans(transaction));
    entry.awaited = unsynced?.awaited ?? [];
    entry.unsynced = unsynced?.markers ?? [];
    this.#entries.set(transactionalId, entry);
    this.#formerIds.add(transaction.producerId);
    if (transaction.nextProducerId >= 0) this.#formerIds.add(transaction.nextProducerId);
  }

  /**
   * All has been replayed: what was decided is brought to its end, and time begins to run. Resolves when the markers are
   * written that can be, before which nobody else may append: somebody may have seen them at their offsets.
   */
  async start(): Promise<void> {
    this.#periodic.every(this.#config.abortIntervalMs, () => this.abortTimedOut());
    this.#periodic.every(this.#config.expiryIntervalMs, () => this.expireIds());
    const entries = [...this.#entries.values()];
    for (const entry of entries) this.#unsynced.writeAgain(entry);
    const prepared = entries.filter(({ current }) => rules.isPrepared(current));
    await Promise.all(prepared.map((entry) => this.#decideAgain(entry)));
    // What is appended is written at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Everybody who waits is answered; nothing is accepted any more. What is prepared is completed after the next start. */
  stop(): void {
    this.#isStopped = true;
    this.#periodic.stop();
    this.#markers.stop();
    this.#unsynced.stop();
    for (const entry of this.#entries.values()) this.#wake(entry);
  }

  /** Aborts transactions that are open for longer than their producer asked for, and fences it. */
  abortTimedOut(): void {
    const nowMs = this.#around.timers.now();
    for (const entry of this.#entries.values()) {
      if (entry.isChanging || !rules.isTimedOut(entry.current, nowMs)) continue;
      const { transactionalId, timeoutMs, producerId } = entry.current;
      this.#around.logger.info({ transactionalId, producerId, timeoutMs }, 'A transaction timed out and is aborted.');
      this.#fence(entry);
    }
  }

  /** Forgets ids that nobody has used for long, once their markers are on disk. */
  expireIds(): void {
    const nowMs = this.#around.timers.now();
    for (const [transactionalId, entry] of this.#entries) {
      if (entry.isChanging || entry.unsynced.length > 0) continue;
      if (!rules.isExpired(entry.current, nowMs, this.#config.idExpirationMs)) continue;
      entry.isChanging = true;
      this.#around.log.append(transactionalId, transactionTombstone(transactionalId), 'durable', (error) => {
        entry.isChanging = false;
        if (error === null) this.#entries.delete(transactionalId);
        this.#wake(entry);
      });
    }
  }

  async #entryFor(request: InitRequest): Promise<Entry> {
    const { transactionalId } = request;
    const known = this.#entries.get(transactionalId);
    if (known !== undefined) return known;
    await this.#around.log.open();
    const producerId = await this.#around.producerIds.next();
    // Somebody else may have been quicker.
    const entry =
      this.#entries.get(transactionalId) ??
      new Entry(rules.newTransaction(request, producerId, this.#around.timers.now()));
    this.#entries.set(transactionalId, entry);
    return entry;
  }

  #find(transactionalId: string): Entry | ErrorName {
    if (this.#isStopped) return 'NOT_COORDINATOR';
    if (transactionalId === '') return 'INVALID_REQUEST';
    return this.#entries.get(transactionalId) ?? 'INVALID_PRODUCER_ID_MAPPING';
  }

  #run(attempt: Attempt): void {
    const { entry } = attempt;
    if (this.#isStopped) attempt.done('NOT_COORDINATOR', null);
    else if (this.#entries.get(entry.current.transactionalId) !== entry) {
      // It expired while this waited.
      attempt.done('INVALID_PRODUCER_ID_MAPPING', null);
    } else if (entry.isChanging) this.#wait(attempt);
    else this.#follow(attempt, attempt.decide(entry.current, null));
  }

  #follow(attempt: Attempt, decision: rules.Decision): void {
    const { entry } = attempt;
    switch (decision.kind) {
      case 'answer':
        if (decision.error === 'CONCURRENT_TRANSACTIONS') this.#wait(attempt);
        else attempt.done(decision.error, null);
        return;
      case 'change':
        if (attempt.records !== undefined) this.#changeWith(entry, decision.next, attempt.records, attempt.done);
        else if (attempt.isAtOnce === true) this.#changeAtOnce(entry, decision.next, attempt.done);
        else this.#change(entry, decision.next, 'durable', attempt.done);
        return;
      case 'new-producer-id':
        this.#withNewProducerId(attempt);
        return;
      case 'fence':
        this.#fence(entry);
        this.#wait(attempt);
    }
  }

  #withNewProducerId(attempt: Attempt): void {
    const { entry } = attempt;
    entry.isChanging = true;
    this.#around.producerIds.next().then(
      (id) => {
        entry.isChanging = false;
        // Nothing else could change meanwhile.
        if (this.#isStopped) attempt.done('NOT_COORDINATOR', null);
        else this.#follow(attempt, attempt.decide(entry.current, id));
      },
      (err: unknown) => {
        entry.isChanging = false;
        this.#around.logger.error({ err }, 'No producer id could be reserved.');
        attempt.done('COORDINATOR_NOT_AVAILABLE', null);
        this.#wake(entry);
      },
    );
  }

  #end(
    who: ProducerIdentity,
    isCommit: boolean,
    version: TransactionVersion,
    records: CommittedRecords | null,
    done: (answer: ProducerAnswer) => void,
  ): void {
    const entry = this.#find(who.transactionalId);
    if (!(entry instanceof Entry)) {
      done(refused(entry));
      return;
    }
    this.#run({
      entry,
      deadlineMs: this.#around.timers.now() + concurrentWaitMs,
      decide: (now, id) => {
        const nowMs = this.#around.timers.now();
        return version === 2
          ? rules.decideEndV2(now, who, isCommit, nowMs, id)
          : rules.decideEnd(now, who, isCommit, nowMs);
      },
      done: (error, next) => {
        if (error === 'INVALID_TXN_STATE') noteInvalidEnd(this.#around.logger, entry.current, who, isCommit);
        if (error !== 'NONE') done(refused(error));
        else done(told(next === null ? entry.current : rules.completed(next, next.lastUpdateTimestamp)));
      },
      ...(records === null ? {} : { records }),
      timer: null,
    });
  }

  #add(
    who: ProducerIdentity,
    partitions: readonly TopicPartition[],
    version: TransactionVersion,
    isAtOnce: boolean,
    done: (error: ErrorName) => void,
  ): void {
    const entry = this.#find(who.transactionalId);
    if (!(entry instanceof Entry)) {
      done(entry);
      return;
    }
    this.#run({
      entry,
      deadlineMs: this.#around.timers.now() + concurrentWaitMs,
      decide: (now) => rules.decideAdd(now, who, partitions, version, this.#around.timers.now()),
      done,
      isAtOnce,
      timer: null,
    });
  }

  /**
   * Says once more what was found decided, because only the process that is gone knew whether it is on disk: the end it has
   * if its records are there, the other if they are not.
   */
  #decideAgain(entry: Entry): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    const { current, awaited } = entry;
    const producer = { producerId: current.producerId, producerEpoch: current.producerEpoch - 1 };
    const stands = awaited.every((records) => this.#around.records.holds(producer, records));
    const next: Transaction = stands ? current : { ...current, state: 'PrepareAbort' };
    return new Promise((resolve) => {
      this.#change(entry, next, 'durable', (error) => {
        if (error !== 'NONE') this.#around.timers.set(retryMs, () => void this.#decideAgain(entry));
        resolve();
      });
    });
  }

  /** The decision, what it is about and the markers before it go to the disk together; it is one when all are there. */
  #changeWith(entry: Entry, next: Transaction, { awaited, durable }: CommittedRecords, done: Attempt['done']): void {
    entry.isChanging = true;
    const recorded = new Promise<ErrorName | null>((resolve) => {
      this.#append(entry, next, 'durable', resolve, awaited);
    });
    void Promise.allSettled([recorded, durable, this.#unsynced.sync(entry)]).then(([decision, records]) => {
      entry.isChanging = false;
      const failure = decision.status === 'fulfilled' ? decision.value : 'UNKNOWN_SERVER_ERROR';
      const isDecided = failure === null && records.status === 'fulfilled';
      if (isDecided) {
        entry.current = next;
        this.#unsynced.add(entry, next);
        this.#mark(entry, 'written');
        // Behind the markers, which are written at the end of this turn: readers wait for them, and a producer that is told does much.
        setImmediate(done, 'NONE', next);
      } else done(failure ?? 'TRANSACTION_ABORTABLE', next);
      this.#wake(entry);
    });
  }

  /** Writes, so that a killed process leaves what it began; the end of the transaction tells the disk all of it again. */
  #changeAtOnce(entry: Entry, next: Transaction, done: Attempt['done']): void {
    const { transactionalId } = next;
    entry.current = next;
    this.#append(entry, next, 'written', (error) => {
      if (error === null) return;
      this.#around.logger.warn({ transactionalId, error }, 'The beginning of a transaction could not be written.');
    });
    done('NONE', next);
  }

  /** Makes the change true once it is on disk, or on its way there. */
  #change(entry: Entry, next: Transaction, until: 'durable' | 'written', done: Attempt['done']): void {
    entry.isChanging = true;
    this.#append(entry, next, until, (error) => {
      entry.isChanging = false;
      if (error === null) entry.current = next;
      // Before those who wait: a producer's requests are served in the order in which they came.
      done(error ?? 'NONE', next);
      if (error === null && rules.isPrepared(next)) this.#mark(entry, 'durable');
      this.#wake(entry);
    });
  }

  #append(
    entry: Entry,
    next: Transaction,
    until: 'durable' | 'written',
    done: (error: ErrorName | null) => void,
    awaited: readonly AwaitedRecords[] = [],
  ): void {
    const record = transactionRecord(next, { awaited, markers: entry.unsynced });
    this.#around.log.append(next.transactionalId, record, until, done);
  }

  /** Says so, so that no start has to look for them. */
  #synced(entry: Entry): void {
    if (this.#isStopped || entry.isChanging || rules.isPrepared(entry.current)) return;
    this.#change(entry, entry.current, 'written', () => {});
  }

  /** Aborts what is open, under the next epoch, so that its producer cannot go on. */
  #fence(entry: Entry): void {
    const { transactionalId } = entry.current;
    const done = (error: ErrorName): void => {
      if (error !== 'NONE')
        this.#around.logger.warn({ transactionalId, error }, 'A transaction could not be aborted; it is tried again.');
    };
    const decide = (now: Transaction, id: number | null): rules.Decision =>
      rules.decideFence(now, this.#around.timers.now(), id);
    this.#run({ entry, deadlineMs: 0, decide, done, timer: null });
  }

  #mark(entry: Entry, until: 'durable' | 'written'): void {
    const { transactionalId, partitions } = entry.current;
    const marker = rules.markerOf(entry.current, this.#around.coordinatorEpoch);
    this.#markers.write(transactionalId, marker, listPartitions(partitions), until, () => this.#complete(entry));
  }

  #complete(entry: Entry): void {
    if (this.#isStopped) return;
    this.#change(entry, rules.completed(entry.current, this.#around.timers.now()), 'written', (error) => {
      if (error !== 'NONE') this.#around.timers.set(retryMs, () => this.#complete(entry));
    });
  }

  #wait(attempt: Attempt): void {
    const { entry, deadlineMs } = attempt;
    const leftMs = deadlineMs - this.#around.timers.now();
    if (leftMs <= 0) {
      attempt.done('CONCURRENT_TRANSACTIONS', null);
      return;
    }
    entry.waiting.add(attempt);
    attempt.timer = this.#around.timers.set(leftMs, () => {
      if (entry.waiting.delete(attempt)) attempt.done('CONCURRENT_TRANSACTIONS', null);
    });
  }

  #wake(entry: Entry): void {
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    for (const attempt of waiting) {
      attempt.timer?.cancel();
      this.#run(attempt);
    }
  }
}
