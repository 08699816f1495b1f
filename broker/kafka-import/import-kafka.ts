/**
 * Makes a data directory of ours from a stopped Kafka broker's: the partitions are copied, read whole and checked as
 * after a crash, and their topics entered in our own metadata log. `__consumer_offsets` and `__transaction_state` have
 * Kafka's records here too, so groups and transactions come along by being copied.
 *
 * The original is only read. The new directory appears under its name when it is complete, or not at all.
 */
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { disk } from '../fs/disk.ts';
import { readCheckpoint, writeCheckpoint } from '../log/checkpoint-file.ts';
import { names, parsePartitionFolder, readFile } from '../log/files.ts';
import { LogDirectory, type Logger } from '../log/log-directory.ts';
import { randomId, readTopicId, zeroTopicId } from '../log/meta-properties.ts';
import { type MetadataChange, MetadataLog } from '../metadata/metadata-log.ts';
import { checkTopicConfig, parseTopicConfig } from '../metadata/topic-config.ts';
import { problemWithTopicName } from '../metadata/topic-names.ts';
import { type ClusterMetadata, clusterMetadataFolder, readClusterMetadata } from './cluster-metadata.ts';
import { ImportError } from './errors.ts';

/** Topics of Kafka's that mean nothing here. */
const skippedTopics: ReadonlySet<string> = new Set([
  '__cluster_metadata',
  '__share_group_state',
  '__remote_log_metadata',
]);
/** What a partition's folder is copied without: files that are made anew, or belong to Kafka's replication. */
const skippedFiles = /\.(deleted|cleaned|swap|tmp|index|timeindex)$|^replication-/;

export interface ImportedTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly bytes: number;
  readonly records: number;
}

export interface ImportOptions {
  /** One of Kafka's log.dirs. */
  readonly from: string;
  /** Must not exist, or be empty. */
  readonly to: string;
  /** `broker.id` of the broker that will use it. */
  readonly nodeId: number;
  /** Told in sentences what is left behind. */
  readonly notice: (sentence: string) => void;
}

interface FoundTopic {
  readonly topic: string;
  /** Folder names by partition. */
  readonly folders: Map<number, string>;
}

/** Throws {@link ImportError} for what cannot be imported; nothing is left of an attempt that failed. */
export async function importKafka(options: ImportOptions): Promise<readonly ImportedTopic[]> {
  const from = resolve(options.from);
  const to = resolve(options.to);
  const clusterId = checkSource(from);
  checkTarget(to);
  const metadata = readClusterMetadata(disk, from);
  const topics = findTopics(from, options.notice);
  for (const topic of topics) checkTopic(topic, metadata);
  const unfinished = `${to}.importing`;
  rmSync(unfinished, { recursive: true, force: true });
  try {
    copyAll(from, unfinished, topics, { clusterId, nodeId: options.nodeId });
    const imported = await register(unfinished, topics, metadata, options);
    renameSync(unfinished, to);
    disk.syncDirectory(dirname(to));
    return imported;
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
}

/** Returns the cluster id. */
function checkSource(from: string): string {
  const text = readFile(disk, join(from, names.metaProperties))?.toString();
  if (text === undefined)
    throw new ImportError(`${from} holds no ${names.metaProperties}: it is none of Kafka's log.dirs.`);
  const property = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim();
  if (property('version') !== '1') {
    throw new ImportError(
      `${from} was written by a broker that used ZooKeeper. Migrate it to KRaft with Kafka's own tools first.`,
    );
  }
  if (!existsSync(join(from, names.cleanShutdown))) {
    throw new ImportError(
      `The broker of ${from} still runs, or did not stop in good order (there is no ${names.cleanShutdown}). Start it if need be, stop it, then import.`,
    );
  }
  return property('cluster.id') ?? randomId();
}

function checkTarget(to: string): void {
  if (!existsSync(to)) return;
  if (readdirSync(to).length > 0)
    throw new ImportError(`${to} is not empty. Import into a directory that does not exist yet.`);
  rmSync(to, { recursive: true });
}

function findTopics(from: string, notice: (sentence: string) => void): FoundTopic[] {
  const topics = new Map<string, FoundTopic>();
  for (const name of readdirSync(from)) {
    if (/-(delete|future|stray)$/.test(name))
      notice(`${name} is left behind: Kafka would delete it, or had not finished it.`);
    const parsed = parsePartitionFolder(name);
    if (parsed === null || name === clusterMetadataFolder) continue;
    if (skippedTopics.has(parsed.topic)) continue;
    const found = topics.get(parsed.topic) ?? { topic: parsed.topic, folders: new Map() };
    found.folders.set(parsed.partition, name);
    topics.set(parsed.topic, found);
  }
  return [...topics.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

function checkTopic({ topic, folders }: FoundTopic, metadata: ClusterMetadata | null): void {
  const known = metadata?.topics.get(topic);
  const count = known?.partitions ?? Math.max(...folders.keys()) + 1;
  const missing = Array.from({ length: count }, (_, partition) => partition).filter(
    (partition) => !folders.has(partition),
  );
  if (missing.length > 0) {
    throw new ImportError(
      `${topic} has ${count} partitions, but ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not here: other brokers or ` +
        'other log.dirs hold them. Only a broker that holds all its partitions in one directory can be imported.',
    );
  }
  const problem = problemWithTopicName(topic);
  if (problem !== null) throw new ImportError(problem);
  if (metadata?.configs.get(topic)?.['remote.storage.enable'] === 'true') {
    throw new ImportError(
      `${topic} keeps older records in tiered storage, which is not read here. Switch it off in Kafka and let it copy them back first.`,
    );
  }
}

function copyAll(
  from: string,
  to: string,
  topics: readonly FoundTopic[],
  ids: { clusterId: string; nodeId: number },
): void {
  mkdirSync(to, { recursive: true });
  const properties = [
    `cluster.id=${ids.clusterId}`,
    `directory.id=${randomId()}`,
    `node.id=${ids.nodeId}`,
    'version=1',
    '',
  ];
  const meta = disk.open(join(to, names.metaProperties), 'create');
  meta.write([Buffer.from(properties.join('\n'))], 0);
  meta.close();
  const folders = new Set(topics.flatMap(({ folders }) => [...folders.values()]));
  // Where the log begins, and where a cleaner has left gaps; recovery points are not believed.
  for (const name of [names.logStarts, names.cleanerOffsets]) {
    const lines = readCheckpoint(disk, join(from, name), 3) ?? [];
    writeCheckpoint(
      disk,
      to,
      name,
      lines.filter(([topic, partition]) => folders.has(`${topic}-${partition}`)),
    );
  }
  for (const folder of folders) {
    mkdirSync(join(to, folder));
    for (const name of readdirSync(join(from, folder))) {
      // A copy on write where the file system can, so that a terabyte takes a moment.
      if (!skippedFiles.test(name))
        copyFileSync(join(from, folder, name), join(to, folder, name), constants.COPYFILE_FICLONE);
    }
    if (readTopicId(disk, join(to, folder)) !== zeroTopicId) continue;
    throw new ImportError(
      `${folder} has no topic id: its cluster was never run without ZooKeeper. Migrate it to KRaft first.`,
    );
  }
}

/** Opens the copy as after a crash, so that every batch is checked and everything is on the device. */
async function register(
  path: string,
  topics: readonly FoundTopic[],
  metadata: ClusterMetadata | null,
  options: ImportOptions,
): Promise<ImportedTopic[]> {
  const logger: Logger = { info() {}, warn() {}, error() {} };
  const directory = LogDirectory.open({
    path,
    fs: disk,
    nodeId: options.nodeId,
    address: 'an import',
    now: Date.now,
    logger,
  });
  try {
    directory.openAll();
    const [cut] = directory.recovered;
    if (cut !== undefined) {
      throw new ImportError(`${cut.topic}-${cut.partition} cannot be read whole: ${cut.reason}. Nothing was imported.`);
    }
    const log = new MetadataLog(directory, parseTopicConfig({}, {}), Date.now);
    const changes: MetadataChange[] = topics.map((topic) => [
      `topic/${topic.topic}`,
      entryOf(directory, topic, metadata, options),
    ]);
    changes.push(['producer-ids', { next: nextProducerId(directory, metadata) }]);
    await log.write(changes);
    sayWhatIsLeft(metadata, options);
    return topics.map((topic) => summary(directory, topic));
  } finally {
    await directory.close();
  }
}

function entryOf(
  directory: LogDirectory,
  { topic, folders }: FoundTopic,
  metadata: ClusterMetadata | null,
  options: ImportOptions,
) {
  const config: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata?.configs.get(topic) ?? {})) {
    try {
      checkTopicConfig({ [name]: value });
      config[name] = value;
    } catch (error) {
      options.notice(`${topic}: ${name}=${value} is left out. ${(error as Error).message}`);
    }
  }
  return { id: directory.get(topic, 0)!.topicId, partitions: folders.size, config };
}

/** Ids below were given out, or are in a log; none may be given out again. */
function nextProducerId(directory: LogDirectory, metadata: ClusterMetadata | null): number {
  let next = metadata?.nextProducerId ?? 0;
  for (const log of directory.logs.values()) {
    for (const { producerId } of log.producers()) next = Math.max(next, producerId + 1);
  }
  return next;
}

function sayWhatIsLeft(metadata: ClusterMetadata | null, options: ImportOptions): void {
  if (metadata === null) {
    options.notice(
      `There is no ${clusterMetadataFolder} here (metadata.log.dir?), so topics get the default configs; set theirs again.`,
    );
    return;
  }
  for (const kind of metadata.leftBehind) options.notice(`${kind} are left behind; set them up again.`);
}

function summary(directory: LogDirectory, { topic, folders }: FoundTopic): ImportedTopic {
  const logs = [...folders.keys()].map((partition) => directory.get(topic, partition)!);
  return {
    topic,
    partitions: folders.size,
    bytes: logs.reduce((bytes, log) => bytes + log.sizeBytes, 0),
    records: logs.reduce((records, log) => records + log.logEndOffset - log.logStartOffset, 0),
  };
}
