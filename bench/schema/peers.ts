/** The validators beside ours: everit and networknt from Maven, fastjsonschema from PyPI, in .cache/bench. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const cache = join(import.meta.dirname, '../../.cache/bench');
const jars = join(cache, 'json-schema-jvm');
const classes = join(cache, 'json-schema-classes');
const python = join(cache, 'fastjsonschema');

/** Records per second of CPU time. */
export interface Rates {
  readonly parsed: number;
  readonly bytes: number;
}

export const PEERS = {
  everit: 'everit-json-schema 1.14.4 (JVM), which Confluent uses',
  networknt: 'networknt json-schema-validator 1.5.6 (JVM)',
  fastjsonschema: 'fastjsonschema 2.21.1 (CPython)',
} as const;
export type Peer = keyof typeof PEERS;

export function installPeers(): void {
  mkdirSync(classes, { recursive: true });
  if (!existsSync(jars)) {
    const pom = join(import.meta.dirname, 'pom.xml');
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${jars}.new`];
    execFileSync('mvn', ['-q', '-B', '-f', pom, ...goal], { stdio: 'inherit' });
    renameSync(`${jars}.new`, jars);
  }
  execFileSync('javac', ['-d', classes, '-cp', join(jars, '*'), join(import.meta.dirname, 'Validate.java')]);
  if (!existsSync(python)) {
    const wanted = ['fastjsonschema==2.21.1'];
    execFileSync('python3', ['-m', 'pip', 'install', '-q', '--target', python, ...wanted], { stdio: 'inherit' });
  }
}

/** One round of a peer on these files. */
export function measurePeer(peer: Peer, schemaFile: string, recordFile: string): Rates {
  const files = [schemaFile, recordFile];
  const output =
    peer === 'fastjsonschema'
      ? execFileSync('python3', [join(import.meta.dirname, 'validate.py'), ...files, '100000'], {
          env: { ...process.env, PYTHONPATH: python },
        })
      : execFileSync(
          'java',
          ['-cp', [classes, join(jars, '*')].join(delimiter), 'Validate', ...files, '300000', peer],
          {
            stdio: ['ignore', 'pipe', 'ignore'],
          },
        );
  const rates = Object.fromEntries(
    output
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
  return { parsed: Number(rates.parsed), bytes: Number(rates.bytes) };
}
