/** Apache Kafka from Maven: its jars, and the Java programs of this bench compiled against them, in .cache/bench. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const cache = join(import.meta.dirname, '../../.cache/bench');
const jars = join(cache, 'kafka-4.3.1');
const classes = join(cache, 'classes');

export const peerName = 'Apache Kafka 4.3.1';
export const classpath = [classes, join(jars, '*')].join(delimiter);

export function installPeer(): void {
  mkdirSync(classes, { recursive: true });
  if (!existsSync(jars)) {
    const pom = join(import.meta.dirname, 'pom.xml');
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${jars}.new`];
    execFileSync('mvn', ['-q', '-B', '-f', pom, ...goal], { stdio: 'inherit' });
    renameSync(`${jars}.new`, jars);
  }
  const programs = ['LatencyAtRate', 'ManyProducers', 'CatchUp'].map((name) =>
    join(import.meta.dirname, `${name}.java`),
  );
  execFileSync('javac', ['-d', classes, '-cp', join(jars, '*'), ...programs], { stdio: 'inherit' });
}
