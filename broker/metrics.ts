/**
 * The broker's figures for `/metrics`, with the names Kafka's JMX beans have in Prometheus' form, so that dashboards made for
 * Kafka show something. Families as the console declares them; no metrics library here. Read at each scrape: only requests
 * are counted as they come, the rest is looked up.
 */
import { servedApis } from './apis/served.ts';
import type { RequestStats } from './server/request-stats.ts';
import type { BrokerState } from './state.ts';

export interface BrokerMetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'summary';
  readonly samples: readonly BrokerMetricSample[];
}

export interface BrokerMetricSample {
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Topics with figures of their own; those beyond it are counted together, so that no scrape grows without end. */
const topicsShownMax = 1000;

export function collectBrokerMetrics(broker: BrokerState, requests: RequestStats): BrokerMetricFamily[] {
  return [...requestFamilies(requests), ...topicFamilies(broker), ...groupFamilies(broker)];
}

function requestFamilies(requests: RequestStats): BrokerMetricFamily[] {
  const seen = servedApis.filter(({ key }) => requests.count(key) > 0);
  return [
    {
      name: 'kafka_network_requestmetrics_requests_total',
      help: 'Requests answered, by API.',
      type: 'counter',
      samples: seen.map(({ key, name }) => ({ labels: { request: name }, value: requests.count(key) })),
    },
    {
      name: 'kafka_network_requestmetrics_totaltimems',
      help: 'Milliseconds from a request to its answer, by API; what it waited for counts.',
      type: 'summary',
      samples: seen.flatMap(({ key, name }) => [
        { suffix: '_sum', labels: { request: name }, value: requests.timeMs(key) },
        { suffix: '_count', labels: { request: name }, value: requests.count(key) },
      ]),
    },
    counter('kafka_server_brokertopicmetrics_bytesin_total', 'Bytes of Produce requests.', requests.bytesIn),
    counter('kafka_server_brokertopicmetrics_bytesout_total', 'Bytes of records fetched.', requests.bytesOut),
  ];
}

function topicFamilies(broker: BrokerState): BrokerMetricFamily[] {
  const ends: BrokerMetricSample[] = [];
  const sizes: BrokerMetricSample[] = [];
  const rest = { end: 0, bytes: 0 };
  let partitionCount = 0;
  let shown = 0;
  for (const { name, partitions } of broker.topics.all()) {
    partitionCount += partitions;
    const { end, bytes } = figuresOf(broker, name, partitions);
    if (shown++ >= topicsShownMax) {
      rest.end += end;
      rest.bytes += bytes;
      continue;
    }
    ends.push({ labels: { topic: name }, value: end });
    sizes.push({ labels: { topic: name }, value: bytes });
  }
  if (shown > topicsShownMax) {
    ends.push({ labels: { topic: '' }, value: rest.end });
    sizes.push({ labels: { topic: '' }, value: rest.bytes });
  }
  return [
    {
      name: 'kafka_server_brokertopicmetrics_messagesin_total',
      help: 'Offsets given out, by topic; an empty topic stands for those beyond the first thousand.',
      type: 'counter',
      samples: ends,
    },
    { name: 'kafka_log_log_size', help: 'Bytes on disk, by topic.', type: 'gauge', samples: sizes },
    gauge('kafka_server_replicamanager_partitioncount', 'Partitions.', partitionCount),
    gauge('kafka_controller_kafkacontroller_globaltopiccount', 'Topics.', shown),
  ];
}

function figuresOf(broker: BrokerState, topic: string, partitions: number): { end: number; bytes: number } {
  const sum = { end: 0, bytes: 0 };
  for (let partition = 0; partition < partitions; partition++) {
    const log = broker.existingLog(topic, partition);
    if (log === undefined) continue;
    sum.end += log.logEndOffset;
    sum.bytes += log.sizeBytes;
  }
  return sum;
}

function groupFamilies(broker: BrokerState): BrokerMetricFamily[] {
  const byKind = new Map<string, { labels: { type: string; state: string }; value: number }>();
  for (const { type, state } of broker.groups.list()) {
    const key = `${type} ${state}`;
    const known = byKind.get(key);
    if (known === undefined) byKind.set(key, { labels: { type, state }, value: 1 });
    else known.value++;
  }
  return [
    {
      name: 'kafka_coordinator_group_groupmetadatamanager_numgroups',
      help: 'Groups, by type and state.',
      type: 'gauge',
      samples: [...byKind.values()],
    },
  ];
}

function counter(name: string, help: string, value: number): BrokerMetricFamily {
  return { name, help, type: 'counter', samples: [{ value }] };
}

function gauge(name: string, help: string, value: number): BrokerMetricFamily {
  return { name, help, type: 'gauge', samples: [{ value }] };
}
