/**
 * Share groups by Apache Kafka's own share consumer and admin (KIP-932): what each scenario tries stands in
 * clients/java/4.4.0/ShareGroups.java. They were tried against Apache Kafka 4.3.1 too, with the same outcome.
 *
 * The client comes from Maven by scripts/compat-install.sh; where it is absent each test is a listed skip, which
 * CI_REQUIRE=java turns into a failure.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { startTestBroker } from '../../kit/broker.ts';
import { cache, skipUnlessInstalled } from './installed.ts';

/** The program gives up after 90 s itself, and says what it waited for. */
const deadlineMs = 150_000;
/** Kafka's shortest lock is 15 s, longer than a test should take. */
const config = { 'group.share.min.record.lock.duration.ms': '1000' };

const scenarios = {
  implicit: 'the next poll acknowledges what the last one gave',
  explicit: 'accepted and rejected is done, released comes again, counted',
  shared: 'four members read one partition together, each record goes to one of them',
  rebalance: 'members come and go, and everything is read',
  lock: 'a member that says nothing loses its records to another one',
  renewal: 'a member that needs longer says so and keeps its records',
  limit: 'a record nobody can use is given up after five deliveries',
  strict: 'no poll gives more records than asked for',
  closed: 'what a member has not acknowledged when it leaves is for the others',
  committed: 'with read_committed nothing of an open or aborted transaction is delivered',
  admin: 'groups are listed, described, altered and deleted',
} as const;

const home = join(cache, 'java-4.4.0');
const skip = skipUnlessInstalled('java', join(home, 'classes/ShareGroups.class'));
// One thread compiles and one collects: start-up is most of what these programs do.
const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];
const classPath = [join(home, 'classes'), join(home, 'lib', '*')].join(delimiter);

const { bootstrap } = await startTestBroker({ after }, { config });

describe('share groups, by kafka-clients 4.4.0', () => {
  for (const [scenario, says] of Object.entries(scenarios)) {
    test(says, { skip }, async () => {
      const args = [...jvm, '-cp', classPath, 'ShareGroups', bootstrap, scenario];
      const child = spawn('java', args, { timeout: deadlineMs });
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
});
