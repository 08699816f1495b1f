/** The Kafka keeper against the port's case file, on the built-in broker over TCP. */
import { after } from 'node:test';
import { startTestBroker } from '../../test/kit/broker.ts';
import { logClientCases } from './client.cases.ts';
import { kafkaLog } from './kafka.ts';

const bootstrap = process.env.TEST_KAFKA_BOOTSTRAP ?? (await startTestBroker({ after })).bootstrap;

logClientCases('The Kafka keeper', () => kafkaLog({ bootstrapServers: bootstrap.split(',') }), {
  nullHeaderValues: 'kafkajs 2.2.4 measures the value of a header without asking whether it is null, and throws.',
});
