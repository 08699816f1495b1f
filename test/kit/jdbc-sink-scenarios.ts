/** What the JDBC sinks are compared by; each scenario with the file of its answers under test/golden/jdbc-sinks. */
import { jdbcSinkBehaviour } from './jdbc-sink-behaviour.ts';
import { jdbcSinkConfluent } from './jdbc-sink-confluent.ts';
import { jdbcSinkKeys } from './jdbc-sink-keys.ts';
import type { SinkScenario } from './jdbc-sink-records.ts';
import { jdbcSinkTypes } from './jdbc-sink-types.ts';

export const jdbcSinkScenarios: readonly SinkScenario[] = [
  ...jdbcSinkTypes,
  ...jdbcSinkBehaviour,
  ...jdbcSinkConfluent,
  ...jdbcSinkKeys,
];
