/**
 * What the registry counts: schemas kept, requests answered, requests refused by Confluent's number.
 *
 * Handed to the console as plain families; no metrics library here.
 */
import type { RegistryCore } from './core.ts';

/** A family of samples, as the console declares it. */
export interface RegistryMetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Requests since the start. One instance per HTTP server. */
export class RequestCounts {
  readonly #answered = new Map<number, number>();
  readonly #refused = new Map<number, number>();
  #breaking = 0;

  answered(status: number): void {
    this.#answered.set(status, (this.#answered.get(status) ?? 0) + 1);
  }

  refused(errorCode: number): void {
    this.#refused.set(errorCode, (this.#refused.get(errorCode) ?? 0) + 1);
  }

  /** A version was taken although a record breaks by it. */
  broke(): void {
    this.#breaking++;
  }

  collect(): readonly RegistryMetricFamily[] {
    return [
      {
        name: 'millrace_registry_requests_total',
        help: 'Requests to the registry, by HTTP status.',
        type: 'counter',
        samples: [...this.#answered].map(([status, value]) => ({ labels: { status: String(status) }, value })),
      },
      {
        name: 'millrace_registry_refused_total',
        help: "Requests the registry refused, by Confluent's error code.",
        type: 'counter',
        samples: [...this.#refused].map(([code, value]) => ({ labels: { error_code: String(code) }, value })),
      },
      {
        name: 'millrace_registry_breaking_versions_total',
        help: 'Versions registered although a record breaks by them (soundPolicy WARN).',
        type: 'counter',
        samples: [{ value: this.#breaking }],
      },
    ];
  }
}

/** What is kept, live and softly deleted; counted at each scrape. */
export function collectKept(core: RegistryCore): readonly RegistryMetricFamily[] {
  const { subjects, live, deleted } = core.kept();
  const gauge = (name: string, help: string, value: number): RegistryMetricFamily => ({
    name,
    help,
    type: 'gauge',
    samples: [{ value }],
  });
  return [
    gauge('millrace_registry_subjects', 'Subjects with a live version.', subjects),
    gauge('kafka_schema_registry_registered_count', 'Versions that are live.', live),
    gauge('kafka_schema_registry_deleted_count', 'Versions that are softly deleted.', deleted),
  ];
}
