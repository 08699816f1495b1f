/**
 * A running broker for tests: the real one, on a free port, on disk, stopped and removed when the test ends. `restart`
 * stops it cleanly and starts it again on the same port and files, as an operator would.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerOptions, startBroker } from '../../broker/broker.ts';

export interface BrokerFixture {
  /** The broker that runs now. */
  readonly broker: Broker;
  readonly bootstrap: string;
  restart(): Promise<void>;
}

/** Rebalances at once instead of waiting 3 s for members that never come; everything else as it ships. */
const config = { 'group.initial.rebalance.delay.ms': '0' };

const noop = (): void => {};
const logger = { debug: noop, info: noop, warn: noop, error: noop };

/** `test` is a test's context, or `{ after }` of node:test for all tests of a file. */
export async function startTestBroker(
  test: { after(cleanUp: () => Promise<void>): void },
  options: Partial<BrokerOptions> = {},
): Promise<BrokerFixture> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'millrace-broker-')));
  const start = (port: number): Promise<Broker> =>
    startBroker({ dataDir, port, logger, ...options, config: { ...config, ...options.config } });
  let broker = await start(0);
  const { port } = broker.address;
  test.after(async () => {
    await broker.stop();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  });
  return {
    get broker() {
      return broker;
    },
    bootstrap: broker.bootstrap,
    async restart() {
      await broker.stop();
      broker = await start(port);
    },
  };
}
