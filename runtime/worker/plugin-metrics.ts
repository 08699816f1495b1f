/**
 * Which class in which version does what in a task: Kafka Connect's attributes of connector-task-metrics (connector, task,
 * converters), connector-transform-metrics and connector-predicate-metrics (KIP-891), one series for each task, transform
 * and predicate. The attributes are texts, so they are labels of a series whose value is 1.
 */
import type { Plugin } from '../../connectors/api/index.ts';
import type { MetricFamily, MetricSample } from './metrics.ts';
import type { ConnectorPlan } from './plan.ts';

type Labels = Readonly<Record<string, string>>;

interface InTask {
  readonly labels: Labels;
  readonly plan: ConnectorPlan;
}

const about = (what: string, { class: name, version }: Plugin): Labels => ({
  [`${what}_class`]: name,
  [`${what}_version`]: version,
});

const one = (labels: Labels, ...more: readonly Labels[]): MetricSample => ({
  labels: Object.assign({}, labels, ...more),
  value: 1,
});

/** `tasks` with the labels that say which they are. */
export function pluginFamilies(tasks: readonly InTask[]): MetricFamily[] {
  const family = (what: string, help: string, samplesOf: (task: InTask) => MetricSample[]): MetricFamily => ({
    name: `kafka_connect_connector_${what}_info`,
    help,
    type: 'gauge',
    samples: tasks.flatMap(samplesOf),
  });
  return [
    family('task', 'Classes and versions of a task.', ({ labels, plan: { plugin, key, value, header } }) => [
      one(
        labels,
        { connector_type: plugin.type },
        about('connector', plugin),
        about('task', plugin),
        about('key_converter', key.plugin),
        about('value_converter', value.plugin),
        about('header_converter', header.plugin),
      ),
    ]),
    family('transform', 'Class and version of a transform.', ({ labels, plan: { transforms } }) =>
      transforms.map(({ alias, plugin }) => one(labels, { transform: alias }, about('transform', plugin))),
    ),
    family('predicate', 'Class and version of a predicate that a transform refers to.', ({ labels, plan }) => {
      const used = new Map(
        plan.transforms.flatMap(({ predicate }) => (predicate ? [[predicate.alias, predicate]] : [])),
      );
      return [...used.values()].map(({ alias, plugin }) =>
        one(labels, { predicate: alias }, about('predicate', plugin)),
      );
    }),
  ];
}
