/**
 * Apache Kafka's own command-line tools (4.3.1) against our broker: each prints and ends with what it does against Kafka
 * itself, which test/golden/kafka-tools-4.3.1.txt remembers; `differs` below says where that is not so, and why. The
 * commands stand in kafka-tools/commands.txt and run in one JVM.
 *
 * The tools come from Maven by scripts/compat-install.sh; where they are absent the tests are a listed skip, which
 * CI_REQUIRE=java turns into a failure.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTestBroker } from '../../kit/broker.ts';
import { cache, skipUnlessInstalled } from './installed.ts';
import { outputsIn, type ToolOutput } from './kafka-tools/outputs.ts';

const home = join(cache, 'kafka-tools');
const skip = skipUnlessInstalled('java', join(home, 'classes/Tools.class'));

const commands = join(import.meta.dirname, 'kafka-tools/commands.txt');
const golden = outputsIn(readFileSync(join(import.meta.dirname, '../../golden/kafka-tools-4.3.1.txt'), 'utf8'));
/** One JVM for all of them takes about fifteen seconds. */
const deadlineMs = 240_000;

/**
 * Part of the command, and why its output differs: `more` where all of Kafka's lines are there, `code` where it must still
 * end alike, `all` where it need not.
 */
const differs: readonly (readonly [part: string, what: 'more' | 'code' | 'all', why: string])[] = [
  ['BrokerApiVersionsCommand', 'code', 'the APIs of Kafka 4.4, without those skipped.md lists'],
  ['MetadataQuorumCommand', 'code', 'epochs and offsets of another log'],
  ['FeatureCommand', 'code', 'our metadata version is newer than the tool; no streams groups'],
  ['TransactionsCommand', 'code', 'producer ids'],
  ['TransactionalMessageCopier', 'code', 'how many records of a key came to partition 0'],
  ['VerifiableProducer', 'code', 'speed, and which partition a batch went to'],
  ['VerifiableConsumer', 'code', 'how records fall into batches'],
  ['GetOffsetShell', 'code', 'which partition a batch went to'],
  ['ConsumerGroupCommand --bootstrap-server {bootstrap} --describe', 'code', 'offsets, as above'],
  ['--reset-offsets', 'code', 'offsets, as above'],
  ['DeleteRecordsCommand', 'code', 'offsets, as above'],
  ['EndToEndLatency', 'code', 'speed'],
  ['Performance', 'code', 'speed'],
  ['cluster-id', 'code', 'the cluster’s id'],
  ['--entity-type topics --entity-name orders --all', 'more', 'topics have keys of our own beside Kafka’s'],
  ['ClientMetricsCommand', 'all', 'client metrics have no configs here (skipped.md)'],
];

const logger = { debug() {}, info() {}, warn() {}, error() {} };
let outputs: readonly ToolOutput[] = [];

async function run(bootstrap: string, folder: string): Promise<string> {
  const classPath = `${join(home, 'classes')}:${join(home, 'lib')}/*`;
  const args = ['-Xmx512m', '-cp', classPath, 'Tools', bootstrap, commands, folder];
  const child = spawn('java', args, { timeout: deadlineMs, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  return output;
}

describe('Kafka’s own tools', { skip }, () => {
  before(async () => {
    if (skip !== false) return;
    const folder = await mkdtemp(join(tmpdir(), 'millrace-tools-'));
    after(() => rm(folder, { recursive: true, force: true }));
    const files = {
      'delete-records.json': {
        version: 1,
        partitions: [
          { topic: 'orders', partition: 0, offset: 0 },
          { topic: 'orders', partition: 1, offset: -1 },
        ],
      },
      'topics-to-move.json': { version: 1, topics: [{ topic: 'orders' }] },
      'reassignment.json': {
        version: 1,
        partitions: [{ topic: 'orders', partition: 0, replicas: [1], log_dirs: ['any'] }],
      },
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
    const { bootstrap } = await startTestBroker({ after }, { logger });
    outputs = outputsIn(await run(bootstrap, folder));
  });

  it('are all run', () => {
    assert.deepEqual(
      outputs.map(({ command }) => command),
      golden.map(({ command }) => command),
    );
  });

  for (const [place, expected] of golden.entries()) {
    const difference = differs.find(([part]) => expected.command.includes(part));
    it(`${expected.command}${difference === undefined ? '' : ` (${difference[2]})`}`, () => {
      const { code, lines } = outputs[place]!;
      if (difference?.[1] === 'all') return assert.notEqual(code, '');
      assert.equal(code, expected.code, lines.join('\n'));
      const wanted = new Set(expected.lines);
      const compared = difference?.[1] === 'more' ? lines.filter((line) => wanted.has(line)) : lines;
      if (difference?.[1] !== 'code') assert.deepEqual(compared, expected.lines);
    });
  }
});
