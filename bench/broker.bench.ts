/**
 * Question: how much of what one Node process can take from and give to sockets is left when it is a Kafka broker?
 *
 * Method: the broker, and a bare server that only writes and sends the same bytes, each in a process of its own, driven
 * by the same client with requests encoded beforehand (so no client library is measured), in the same run, alternately.
 * 100 B records in batches of 16 KiB and 1 MiB; produce acks=1 and acks=all with 5 requests in flight per connection;
 * fetch of 1 MiB a request. MB/s, records/s, CPU seconds of the server per million records, latency of single requests.
 *
 *     node bench/broker.bench.ts [--mib 512] [--rounds 3] [--dir /path]
 *
 * 2026-11-21, AMD EPYC with 2 cores shared by other work (load 2 to 4), Node 24.21, at 4d43824: acks=1 in 16 KiB batches
 * 307 MB/s (2.8 million records/s, 0.155 CPU s per million) beside 867 bare, and 650 MB/s when nothing else ran; in
 * 960 KiB batches 810 MB/s beside 636; acks=all 98 and 494 MB/s, 0.40 ms for one request alone; fetch 1180 MB/s beside
 * 1184 over 4 connections, 658 beside 774 over one. Profile of acks=1: a third idle, 32 % in the kernel's write to the
 * page cache, 8 % in its write to sockets, 7 % collector, 4 % CRC, under 8 % all our own code. Conclusion: the broker is
 * bound by system calls and by whoever shares the cores; acks=all by the fdatasync of a growing file, so batch size counts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ErrorCode } from '../broker/protocol/error-codes.ts';
import { decodeFetchResponse } from '../broker/protocol/messages/generated/fetch-response.ts';
import { Reader } from '../broker/protocol/reader.ts';
import { batchStarts, lastOffset } from '../broker/protocol/record-batch.ts';
import { BatchBuilder } from '../broker/protocol/records.ts';
import { encodeRequest, exchanges, KafkaConnection } from '../test/kit/kafka.ts';
import { runLoad } from './broker/client.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const totalBytes = Number(values.mib) * 1024 * 1024;
const rounds = Number(values.rounds);
const recordBytes = 100;
const topic = 'bench';
const partitions = 4;

class ServerProcess {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  port = 0;

  constructor(role: 'broker' | 'limit', dir: string) {
    const program = join(import.meta.dirname, 'broker', 'servers.ts');
    this.#child = spawn(process.execPath, [program, role, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! });
  }

  async ready(): Promise<this> {
    this.port = Number(await this.#line());
    return this;
  }

  async usage(): Promise<{ cpuSeconds: number; rss: number }> {
    this.#child.stdin!.write('?\n');
    return JSON.parse(await this.#line());
  }

  async stop(): Promise<void> {
    this.#child.stdin!.end();
    await once(this.#child, 'exit');
  }

  async #line(): Promise<string> {
    const [line] = await once(this.#lines, 'line');
    return line;
  }
}

/** A batch of about so many bytes. */
function makeBatch(bytes: number): { batch: Buffer; records: number } {
  const builder = new BatchBuilder();
  const value = Buffer.alloc(recordBytes, 'v');
  while (builder.sizeBytes + recordBytes + 10 < bytes) builder.append(Date.now(), null, value, []);
  const records = builder.count;
  return { batch: builder.build(), records };
}

function produceFrames(batch: Buffer, acks: number): Buffer[] {
  return Array.from({ length: partitions }, (_, partition) =>
    encodeRequest(exchanges.produce, 9, {
      acks,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
    }),
  );
}

interface Figures {
  readonly megabytes: number;
  readonly records: number;
  readonly cpuPerMillion: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(
  server: ServerProcess,
  records: number,
  bytes: number,
  run: () => ReturnType<typeof runLoad>,
): Promise<Figures> {
  const before = await server.usage();
  const { ms, latencies, bytesReceived } = await run();
  const after = await server.usage();
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
  return {
    megabytes: (bytes === 0 ? bytesReceived : bytes) / 1e6 / (ms / 1000),
    records: records / (ms / 1000),
    cpuPerMillion: ((after.cpuSeconds - before.cpuSeconds) / records) * 1e6,
    p50: at(0.5),
    p99: at(0.99),
  };
}

async function produce(
  server: ServerProcess,
  batchBytes: number,
  acks: number,
  connections: number,
  inFlight: number,
  share = 1,
): Promise<Figures> {
  const { batch, records } = makeBatch(batchBytes);
  const frames = produceFrames(batch, acks);
  const requests = Math.max(connections * 20, Math.floor((totalBytes * share) / batch.length));
  let turn = 0;
  return measure(server, requests * records, requests * batch.length, () =>
    runLoad({
      port: server.port,
      connections,
      inFlight,
      requests,
      frame: (connection) => frames[(connection + turn++) % partitions]!,
    }),
  );
}

/** Every connection follows a partition from its start, a megabyte at a time, and begins again at its end. */
async function fetchFromBroker(server: ServerProcess, connections: number): Promise<Figures> {
  const positions = Array.from({ length: connections }, () => 0);
  let records = 0;
  const frame = (connection: number) =>
    encodeRequest(exchanges.fetch, 12, {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1 << 22,
      sessionEpoch: -1,
      topics: [
        {
          topic,
          partitions: [
            { partition: connection % partitions, fetchOffset: positions[connection]!, partitionMaxBytes: 1024 * 1024 },
          ],
        },
      ],
    });
  const onAnswer = (connection: number, answer: Buffer) => {
    const reader = new Reader(answer, 4);
    reader.skipTags();
    const partition = decodeFetchResponse(reader, 12).responses[0]!.partitions[0]!;
    if (partition.errorCode !== ErrorCode.NONE) throw new Error(`Fetch failed with ${partition.errorCode}.`);
    let next = positions[connection]!;
    for (const start of batchStarts(partition.records!)) next = lastOffset(partition.records!, start) + 1;
    records += next - positions[connection]!;
    positions[connection] = next >= partition.highWatermark ? 0 : next;
  };
  const requests = Math.floor(totalBytes / (1024 * 1024));
  const before = await server.usage();
  const { ms, bytesReceived, latencies } = await runLoad({
    port: server.port,
    connections,
    inFlight: 1,
    requests,
    frame,
    onAnswer,
  });
  const after = await server.usage();
  return {
    megabytes: bytesReceived / 1e6 / (ms / 1000),
    records: records / (ms / 1000),
    cpuPerMillion: ((after.cpuSeconds - before.cpuSeconds) / records) * 1e6,
    p50: latencies[latencies.length >> 1]!,
    p99: latencies[Math.floor(latencies.length * 0.99)]!,
  };
}

async function fetchFromLimit(server: ServerProcess, connections: number): Promise<Figures> {
  const request = Buffer.from([0, 0, 0, 4, 0, 1, 0, 12]);
  const requests = Math.floor(totalBytes / (1024 * 1024));
  const records = (totalBytes / recordBytes) | 0;
  const onAnswer = () => {};
  return measure(server, records, 0, () =>
    runLoad({ port: server.port, connections, inFlight: 1, requests, frame: () => request, onAnswer }),
  );
}

type Run = (server: ServerProcess) => Promise<Figures>;

async function compare(what: string, ours: Run, limit: Run | null): Promise<void> {
  const figures: { ours: Figures[]; limit: Figures[] } = { ours: [], limit: [] };
  for (let round = 0; round < rounds; round++) {
    figures.ours.push(await ours(broker));
    if (limit !== null) figures.limit.push(await limit(bare));
  }
  const median = (list: Figures[]) => list.toSorted((a, b) => a.megabytes - b.megabytes)[list.length >> 1];
  const mine = median(figures.ours)!;
  const theirs = median(figures.limit);
  const cells = [
    what,
    mine.megabytes.toFixed(0),
    theirs?.megabytes.toFixed(0) ?? '–',
    Math.round(mine.records).toLocaleString('en'),
    mine.cpuPerMillion.toFixed(3),
    mine.p50.toFixed(2),
    mine.p99.toFixed(2),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

const root = mkdtempSync(join(values.dir, 'millrace-bench-'));
const brokerDir = join(root, 'broker');
const broker = await new ServerProcess('broker', brokerDir).ready();
const bare = await new ServerProcess('limit', root).ready();
try {
  const admin = await KafkaConnection.open({ address: { host: '127.0.0.1', port: broker.port } });
  await admin.call(exchanges.createTopics, 7, {
    topics: [{ name: topic, numPartitions: partitions, replicationFactor: 1 }],
    timeoutMs: 1000,
  });
  admin.close();
  console.log(
    '| work | MB/s | limit MB/s | records/s | CPU s per million | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|---:|---:|',
  );
  const kib16 = 16 * 1024;
  const kib960 = 960 * 1024;
  await compare(
    'produce 16 KiB, acks=1, 4 connections',
    (s) => produce(s, kib16, 1, 4, 5),
    (s) => produce(s, kib16, 1, 4, 5),
  );
  await compare('produce 16 KiB, acks=all, 4 connections', (s) => produce(s, kib16, -1, 4, 5), null);
  await compare(
    'produce 960 KiB, acks=1, 4 connections',
    (s) => produce(s, kib960, 1, 4, 2),
    (s) => produce(s, kib960, 1, 4, 2),
  );
  await compare('produce 960 KiB, acks=all, 4 connections', (s) => produce(s, kib960, -1, 4, 2), null);
  await compare('produce 16 KiB, acks=all, 1 connection, 1 in flight', (s) => produce(s, kib16, -1, 1, 1, 0.1), null);
  await compare(
    'fetch 1 MiB, 1 connection',
    (s) => fetchFromBroker(s, 1),
    (s) => fetchFromLimit(s, 1),
  );
  await compare(
    'fetch 1 MiB, 4 connections',
    (s) => fetchFromBroker(s, 4),
    (s) => fetchFromLimit(s, 4),
  );
  console.log(`\nResident at the end: ${((await broker.usage()).rss / 2 ** 20).toFixed(0)} MiB.`);
} finally {
  await broker.stop();
  await bare.stop();
  rmSync(root, { recursive: true, force: true });
}
