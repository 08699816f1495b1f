/**
 * Scenarios of the differential test that are about signals and the notifications of what they ask for; beside debezium-scenarios.ts,
 * which says what a scenario is. Data only.
 */
import type { DebeziumScenario } from './debezium-scenarios.ts';

const keyed = 'CREATE TABLE t (id int PRIMARY KEY, v int, w text);';

export const debeziumSignalScenarios: readonly DebeziumScenario[] = [
  {
    name: 'signals',
    config: {
      'signal.data.collection': 'public.signals',
      'incremental.snapshot.chunk.size': '2',
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': 'notes',
    },
    setup: `${keyed} CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048)); INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, 5) i;`,
    steps: [
      `INSERT INTO signals VALUES ('log-1', 'log', '{"message": "hello"}')`,
      `INSERT INTO signals VALUES ('snap-1', 'execute-snapshot', '{"type": "incremental", "data-collections": ["public.t"]}')`,
    ],
  },
  {
    name: 'signals-blocking',
    config: {
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': 'notes',
    },
    setup: `${keyed} CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048)); CREATE TABLE u (id int PRIMARY KEY, v int); CREATE TABLE w (id int PRIMARY KEY); INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, 4) i; INSERT INTO u SELECT i, i FROM generate_series(1, 3) i; INSERT INTO w VALUES (1);`,
    steps: [
      `INSERT INTO t VALUES (5, 5, 'streamed')`,
      `INSERT INTO signals VALUES ('block-1', 'execute-snapshot', '{"type": "blocking", "data-collections": ["public.[tu]"]}')`,
      `UPDATE t SET v = 50 WHERE id = 5`,
      `INSERT INTO signals VALUES ('block-2', 'execute-snapshot', '{"type": "BLOCKING", "data-collections": ["public.t", "public.u"], "additional-conditions": [{"data-collection": "public.t", "filter": "SELECT * FROM public.t WHERE id > 3 ORDER BY id"}]}')`,
      `DELETE FROM u WHERE id = 2`,
    ],
  },
  {
    name: 'signals-scans',
    config: {
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'incremental.snapshot.chunk.size': '2',
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': 'notes',
    },
    setup: `CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048)); CREATE TABLE two (a int, b text, v int, PRIMARY KEY (b, a)); CREATE TABLE keyless (n int NOT NULL, v int); ALTER TABLE keyless REPLICA IDENTITY FULL; CREATE TABLE void (id int PRIMARY KEY); INSERT INTO two SELECT i, 'x' || i, i FROM generate_series(1, 4) i; INSERT INTO keyless SELECT i, i FROM generate_series(1, 3) i;`,
    steps: [
      `INSERT INTO signals VALUES ('scan-1', 'execute-snapshot', '{"type": "incremental", "data-collections": ["public.void", "public.two"]}')`,
      `INSERT INTO signals VALUES ('scan-2', 'execute-snapshot', '{"data-collections": ["public.two"], "additional-conditions": [{"data-collection": "public.two", "filter": "v > 1"}]}')`,
      `INSERT INTO signals VALUES ('scan-3', 'execute-snapshot', '{"data-collections": ["public.keyless"]}')`,
      `INSERT INTO signals VALUES ('scan-4', 'execute-snapshot', '{"data-collections": ["public.two"], "surrogate-key": "v"}')`,
      `INSERT INTO signals VALUES ('scan-5', 'execute-snapshot', '{"data-collections": ["public.keyless"], "surrogate-key": "n"}')`,
    ],
  },
  {
    // Steps that steer come in the transaction of what they steer, so that they meet it at the same place here and there.
    name: 'signals-steered',
    config: {
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'incremental.snapshot.chunk.size': '2',
      'notification.enabled.channels': 'sink,log',
      'notification.sink.topic.name': 'notes',
    },
    setup: `CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048)); CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 5) i; INSERT INTO u SELECT i, i FROM generate_series(1, 3) i;`,
    steps: [
      `/* until PAUSED */ INSERT INTO signals VALUES ('a-1', 'execute-snapshot', '{"data-collections": ["public.t", "public.u"]}'), ('a-2', 'pause-snapshot', '{"type": "incremental"}'), ('a-3', 'pause-snapshot', '{}')`,
      `/* until COMPLETED */ INSERT INTO signals VALUES ('b-1', 'resume-snapshot', '{"type": "incremental"}'), ('b-2', 'resume-snapshot', '{}')`,
      `INSERT INTO signals VALUES ('c-1', 'pause-snapshot', '{}'), ('c-2', 'resume-snapshot', '{}')`,
      `/* until COMPLETED */ INSERT INTO signals VALUES ('d-1', 'execute-snapshot', '{"data-collections": ["public.t", "public.u"]}'), ('d-2', 'stop-snapshot', '{"type": "incremental", "data-collections": ["public.u"]}')`,
      `/* until COMPLETED */ INSERT INTO signals VALUES ('e-1', 'execute-snapshot', '{"data-collections": ["public.t"]}'), ('e-2', 'stop-snapshot', '{"type": "incremental", "data-collections": ["public.u"]}')`,
      `/* until COMPLETED */ INSERT INTO signals VALUES ('f-1', 'execute-snapshot', '{"data-collections": ["public.t"]}'), ('f-2', 'execute-snapshot', '{"data-collections": ["public.u"]}')`,
      `/* until ABORTED */ INSERT INTO signals VALUES ('g-1', 'execute-snapshot', '{"data-collections": ["public.t", "public.u"]}'), ('g-2', 'stop-snapshot', '{"type": "incremental"}')`,
      `INSERT INTO signals VALUES ('h-1', 'stop-snapshot', '{"type": "incremental"}')`,
      `/* until COMPLETED */ INSERT INTO signals VALUES ('i-1', 'execute-snapshot', '{"data-collections": ["public.u"]}')`,
    ],
  },
  {
    // The table that is being read is stopped.
    name: 'signals-stopped',
    config: {
      'snapshot.mode': 'no_data',
      'signal.data.collection': 'public.signals',
      'incremental.snapshot.chunk.size': '2',
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': 'notes',
    },
    setup: `CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048)); CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int PRIMARY KEY, v int); CREATE TABLE w (id int PRIMARY KEY); INSERT INTO t SELECT i, i FROM generate_series(1, 5) i; INSERT INTO u SELECT i, i FROM generate_series(1, 3) i; INSERT INTO w SELECT generate_series(1, 3);`,
    steps: [
      `/* until COMPLETED */ INSERT INTO signals VALUES ('a-1', 'execute-snapshot', '{"data-collections": ["public.t", "public.u", "public.w"]}'), ('a-2', 'stop-snapshot', '{"type": "incremental", "data-collections": ["public.t"]}')`,
    ],
  },
];
