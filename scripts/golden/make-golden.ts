/**
 * Makes the golden vectors of test/golden with Apache Kafka's own classes. A developer's script: the vectors are checked
 * in, the tests that read them need no JVM.
 *
 *   node scripts/golden/make-golden.ts      needs `java` (17 or newer) and the jars below in ~/.m2
 *
 * A jar that is missing is named together with the Maven command that fetches it.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { readDefinitions } from '../protocol/definition.ts';
import { inputsOf, type Json, type MessageInput, Random } from './message-inputs.ts';

const artifacts = [
  'org.apache.kafka:kafka-clients:4.4.0',
  'org.apache.kafka:kafka-group-coordinator:4.4.0',
  'org.apache.kafka:kafka-share-coordinator:4.4.0',
  'org.apache.kafka:kafka-transaction-coordinator:4.4.0',
  'org.apache.kafka:kafka-storage:4.4.0',
  'com.fasterxml.jackson.core:jackson-databind:2.21.2',
  'com.fasterxml.jackson.core:jackson-core:2.21.2',
  'com.fasterxml.jackson.core:jackson-annotations:2.21',
  'org.slf4j:slf4j-api:1.7.36',
  'at.yawk.lz4:lz4-java:1.11.2',
  'org.xerial.snappy:snappy-java:1.1.10.7',
  'com.github.luben:zstd-jni:1.5.7-17',
];
/** Any number; change it and every vector changes. */
const seed = 20_261_121;
const outputBytesMax = 512 * 1024 * 1024;

const root = path.join(import.meta.dirname, '..', '..');
const target = path.join(root, 'test', 'golden');

function jarOf(artifact: string): string {
  const [group, name, version] = artifact.split(':') as [string, string, string];
  const jar = path.join(os.homedir(), '.m2/repository', ...group.split('.'), name, version, `${name}-${version}.jar`);
  if (fs.existsSync(jar)) return jar;
  throw new Error(`${jar} is missing. Fetch it: mvn dependency:get -Dartifact=${artifact} -Dtransitive=false`);
}

/** Runs one of the Java sources beside this file and answers what it printed. */
function runJava(source: string, input: string): Buffer {
  const classPath = artifacts.map(jarOf).join(path.delimiter);
  const file = path.join(import.meta.dirname, source);
  const run = spawnSync('java', ['-cp', classPath, file], { input, maxBuffer: outputBytesMax });
  if (run.status !== 0) throw new Error(`java ${source} failed: ${run.stderr?.toString() || run.error}`);
  return run.stdout;
}

function writeGolden(name: string, lines: Buffer): void {
  const packed = zlib.gzipSync(lines, { level: 9 });
  fs.writeFileSync(path.join(target, name), packed);
  console.error(`${name}: ${lines.toString().split('\n').length - 1} vectors, ${packed.length} bytes`);
}

/** Kafka's JSON leaves record batches out, so they are put back from what it was given. */
function withRecords(answer: Json, input: Json): Json {
  if (Array.isArray(answer)) return answer.map((element, i) => withRecords(element, (input as Json[])[i]!));
  if (typeof answer !== 'object' || answer === null) return answer;
  const given = input as Record<string, Json>;
  const members = Object.entries(answer).map(([key, value]) => [
    key,
    key === 'records' ? given[key]! : key in given ? withRecords(value, given[key]!) : value,
  ]);
  return Object.fromEntries(members) as Json;
}

/** Kafka's answers to the inputs, line by line. */
function messageVectors(inputs: readonly MessageInput[]): Buffer {
  const lines = runJava('Messages.java', inputs.map((input) => JSON.stringify(input)).join('\n')).toString();
  const vectors = lines
    .trimEnd()
    .split('\n')
    .map((line, i) => {
      const vector = JSON.parse(line) as MessageInput & { bytes: string };
      return JSON.stringify({ ...vector, json: withRecords(vector.json, inputs[i]!.json) });
    });
  return Buffer.from(`${vectors.join('\n')}\n`);
}

const random = new Random(seed);
const inputs = readDefinitions(path.join(root, 'broker/protocol/definitions')).flatMap((m) => inputsOf(m, random));
writeGolden('messages.jsonl.gz', messageVectors(inputs));
writeGolden('batches.jsonl.gz', runJava('Batches.java', ''));
writeGolden('errors.jsonl.gz', runJava('ErrorCodes.java', ''));
