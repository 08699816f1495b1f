/**
 * The transforms of a connector in their order, each behind its predicate. Steps 2 and 9 of the record's journey.
 */
import type { ConnectRecord, Predicate, Transform } from '../../connectors/api/index.ts';
import type { TransformStep } from './plan.ts';

interface Link {
  readonly className: string;
  readonly transform: Transform;
  readonly predicate: Predicate | null;
  readonly negate: boolean;
}

export class TransformChain {
  readonly #links: readonly Link[];
  /** The class that was at work when `apply` last threw. */
  failedClass = '';

  private constructor(links: readonly Link[]) {
    this.#links = links;
  }

  /** Creates and configures fresh instances: one chain serves one task. */
  static async create(steps: readonly TransformStep[]): Promise<TransformChain> {
    const links: Link[] = [];
    for (const { plugin, config, predicate, negate } of steps) {
      const transform = await plugin.create();
      transform.configure(config);
      const test = predicate === null ? null : await predicate.plugin.create();
      test?.configure(predicate!.config);
      links.push({ className: plugin.class, transform, predicate: test, negate });
    }
    return new TransformChain(links);
  }

  /** The record as the last transform left it, or null when one dropped it. */
  apply<R extends ConnectRecord>(record: R): R | null {
    let current: R | null = record;
    for (const link of this.#links) {
      this.failedClass = link.className;
      if (link.predicate !== null && link.predicate.test(current) === link.negate) continue;
      current = link.transform.apply(current);
      if (current === null) return null;
    }
    return current;
  }

  close(): void {
    for (const { transform, predicate } of this.#links) {
      transform.close?.();
      predicate?.close?.();
    }
  }
}
