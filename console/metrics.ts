/**
 * `/metrics`: the families of every room, and those of the Node process, in Prometheus' text format 0.0.4.
 *
 * Rooms hand over plain numbers; a source that fails is left out, counted and logged, and the rest is still answered.
 */
import type { Registry } from 'prom-client';
import { withDeadline } from './http.ts';
import type { ConsoleLogger, MetricFamily, MetricSample, MetricSource } from './ports.ts';

export class Metrics {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #sources: readonly MetricSource[];
  readonly #logger: ConsoleLogger;
  #failures = 0;
  #process: Promise<Registry> | null = null;

  constructor(sources: readonly MetricSource[], logger: ConsoleLogger) {
    this.#sources = sources;
    this.#logger = logger;
  }

  async text(): Promise<string> {
    this.#process ??= processMetrics();
    const collected = await Promise.all(this.#sources.map((source) => this.#collect(source)));
    const families = merged([...collected.flat(), this.#ownFamily()]);
    return families.map(familyText).join('') + (await (await this.#process).metrics());
  }

  /** Frees the observers of the process's own metrics. */
  async close(): Promise<void> {
    (await this.#process)?.clear();
  }

  async #collect(source: MetricSource): Promise<readonly MetricFamily[]> {
    try {
      return await withDeadline(source.collect(), 'A source of metrics');
    } catch (error) {
      this.#failures++;
      this.#logger.warn({ err: error }, 'A source of metrics failed; /metrics was answered without it.');
      return [];
    }
  }

  #ownFamily(): MetricFamily {
    return {
      name: 'millrace_console_metric_source_failures_total',
      help: 'Scrapes for which a part of the process did not give its metrics.',
      type: 'counter',
      samples: [{ value: this.#failures }],
    };
  }
}

/** Event loop, heap, garbage collection, CPU and file handles; loaded at the first scrape, not at start. */
async function processMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** The format allows one block per name; two rooms may give the same family. */
function merged(families: readonly MetricFamily[]): readonly MetricFamily[] {
  const byName = new Map<string, MetricFamily>();
  for (const family of families) {
    const known = byName.get(family.name);
    const samples = known === undefined ? family.samples : [...known.samples, ...family.samples];
    byName.set(family.name, { ...(known ?? family), samples });
  }
  return [...byName.values()];
}

export function familyText({ name, help, type, samples }: MetricFamily): string {
  const head = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
  return head + samples.map((sample) => sampleText(name, sample)).join('');
}

function sampleText(name: string, { suffix = '', labels, value }: MetricSample): string {
  const pairs = Object.entries(labels ?? {}).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
  return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}
