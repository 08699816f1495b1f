/**
 * `meta.properties`: which cluster, node and directory this is (Kafka's file, version 1); and `partition.metadata`,
 * which topic a partition's folder belongs to.
 */
import { randomBytes } from 'node:crypto';
import type { FileSystem } from '../fs/file-system.ts';
import { LogDirectoryError } from './errors.ts';
import { names, readFile, replaceFile, writeFile } from './files.ts';

export interface MetaProperties {
  readonly clusterId: string;
  readonly directoryId: string;
}

/** Kafka's text form of "no id". */
export const zeroTopicId = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Reads the file, or writes it where the directory is new. */
export function loadMetaProperties(fs: FileSystem, folder: string, nodeId: number, nowMs: number): MetaProperties {
  const text = readFile(fs, `${folder}/${names.metaProperties}`)?.toString('utf8');
  const found = new Map<string, string>();
  for (const line of text?.split('\n') ?? []) {
    const equals = line.indexOf('=');
    if (!line.startsWith('#') && equals > 0) found.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  if (text !== undefined) checkProperties(folder, found, nodeId);
  const properties = {
    clusterId: found.get('cluster.id') ?? randomId(),
    directoryId: found.get('directory.id') ?? randomId(),
  };
  if (!found.has('cluster.id') || !found.has('directory.id')) {
    const lines = [
      '#',
      `#${new Date(nowMs).toUTCString()}`,
      `cluster.id=${properties.clusterId}`,
      `directory.id=${properties.directoryId}`,
      `node.id=${nodeId}`,
      'version=1',
      '',
    ];
    replaceFile(fs, folder, names.metaProperties, Buffer.from(lines.join('\n')));
  }
  return properties;
}

function checkProperties(folder: string, found: ReadonlyMap<string, string>, nodeId: number): void {
  const version = found.get('version');
  const foundNodeId = found.get('node.id');
  if (version !== '1') {
    throw new LogDirectoryError(
      'LOG_DIRECTORY_INVALID',
      `${folder}/${names.metaProperties} has version ${version ?? 'none'}; only version 1 is known. Is this the right directory?`,
    );
  }
  if (foundNodeId !== undefined && Number(foundNodeId) !== nodeId) {
    throw new LogDirectoryError(
      'LOG_DIRECTORY_INVALID',
      `The data directory ${folder} belongs to node ${foundNodeId}, but this is node ${nodeId}. ` +
        'Set node.id accordingly, or choose another directory with --data.',
    );
  }
}

/** A random UUID (version 4) as Kafka writes it: 22 characters, never one that begins with a dash (KIP-516). */
export function randomId(): string {
  for (;;) {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const text = bytes.toString('base64url');
    if (!text.startsWith('-')) return text;
  }
}

/** The topic id in a partition's folder, or {@link zeroTopicId}. */
export function readTopicId(fs: FileSystem, folder: string): string {
  const text = readFile(fs, `${folder}/${names.partitionMetadata}`)?.toString('utf8') ?? '';
  return /^topic_id: ([A-Za-z0-9_-]{22})$/m.exec(text)?.[1] ?? zeroTopicId;
}

/** Not synced: should a power cut take it, `LogDirectory.create` writes it again. */
export function writeTopicId(fs: FileSystem, folder: string, topicId: string): void {
  writeFile(fs, `${folder}/${names.partitionMetadata}`, Buffer.from(`version: 0\ntopic_id: ${topicId}`));
}
