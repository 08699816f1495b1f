/**
 * The transforms of a connector in their order, each behind its predicate. Steps 2 and 9 of the record's journey.
 *
 * Transforms that take drafts change one in place. Any other is given a record, which is its own from then on: what comes
 * behind it begins with a copy again.
 */
import { type ConnectRecord, type Predicate, RecordDraft, type Transform } from '../../connectors/api/index.ts';
import type { TransformStep } from './plan.ts';

interface Link {
  readonly className: string;
  readonly transform: Transform;
  readonly takesDrafts: boolean;
  readonly fieldsFollow: boolean;
  readonly predicate: Predicate | null;
  readonly isPredicateForDrafts: boolean;
  readonly negate: boolean;
}

export class TransformChain {
  readonly #links: readonly Link[];
  readonly #draft = new RecordDraft();
  /** The class that was at work when `apply` last threw. */
  failedClass = '';

  private constructor(links: readonly Link[]) {
    this.#links = links;
  }

  /** Creates and configures fresh instances: one chain serves one task. */
  static async create(steps: readonly TransformStep[]): Promise<TransformChain> {
    const links: Link[] = [];
    for (const [index, { plugin, config, predicate, negate }] of steps.entries()) {
      const transform = await plugin.create();
      transform.configure(config);
      const test = predicate === null ? null : await predicate.plugin.create();
      test?.configure(predicate!.config);
      links.push({
        className: plugin.class,
        transform,
        takesDrafts: plugin.takesDrafts === true,
        fieldsFollow: steps.slice(index + 1).some((later) => later.plugin.leavesText !== true),
        predicate: test,
        isPredicateForDrafts: predicate?.plugin.takesDrafts === true,
        negate,
      });
    }
    return new TransformChain(links);
  }

  /** The record as the last transform left it, or null when one dropped it. The same record where none changed it. */
  apply<R extends ConnectRecord>(record: R): R | null {
    if (this.#links.length === 0) return record;
    return this.#run(record) ? this.#draft.record<R>() : null;
  }

  /** As `apply`, for who is done with the record before the next one: answers the chain's own draft, not a copy of it. */
  draft(record: ConnectRecord): ConnectRecord | null {
    if (this.#links.length === 0) return record;
    return this.#run(record) ? this.#draft : null;
  }

  /** False when a transform dropped the record; else the draft holds it. */
  #run(record: ConnectRecord): boolean {
    const draft = this.#draft;
    draft.begin(record);
    for (const link of this.#links) {
      this.failedClass = link.className;
      if (link.predicate !== null) {
        const subject = link.isPredicateForDrafts ? draft : draft.record();
        if (link.predicate.test(subject) === link.negate) continue;
      }
      draft.fieldsFollow = link.fieldsFollow;
      const given = link.takesDrafts ? draft : draft.record();
      const answer: ConnectRecord | null = link.transform.apply(given);
      if (answer === null) return false;
      if (answer !== given) draft.begin(answer);
    }
    return true;
  }

  close(): void {
    for (const { transform, predicate } of this.#links) {
      transform.close?.();
      predicate?.close?.();
    }
  }
}
