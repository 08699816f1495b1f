/**
 * The rules of transactions at their edges, by Apache Kafka's Java client and admin: 3.9 speaks version 1 of transactions
 * (it adds its partitions itself), 4.4 version 2 (KIP-890). What is tried stands in clients/java/TransactionRules.java.
 *
 * The clients come from Maven by scripts/compat-install.sh; where they are absent each test is a listed skip, which
 * CI_REQUIRE=java turns into a failure.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestBroker } from '../../kit/broker.ts';
import { cache, skipUnlessInstalled } from './installed.ts';

/** It takes ten seconds, most of them the client's own waits. */
const deadlineMs = 120_000;
/** Timed-out transactions are looked for every 10 s by default. */
const config = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '300' };

for (const version of ['3.9.1', '4.4.0']) {
  const home = join(cache, `java-${version}`);
  const skip = skipUnlessInstalled('java', join(home, 'classes/TransactionRules.class'));

  test(`kafka-clients ${version} finds every rule of transactions kept`, { skip }, async (context) => {
    const { bootstrap } = await startTestBroker(context, { config });
    const classPath = `${join(home, 'classes')}:${join(home, 'lib')}/*`;
    const child = spawn('java', ['-cp', classPath, 'TransactionRules', bootstrap], { timeout: deadlineMs });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    const [code] = await once(child, 'close');
    assert.equal(code, 0, output);
  });
}
