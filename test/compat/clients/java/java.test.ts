/** Apache Kafka's own Java client, the last of 3.x and the newest, against our broker. */
import { delimiter, join } from 'node:path';
import { cache } from '../installed.ts';
import { examine } from '../outside-client.ts';

for (const version of ['3.9.1', '4.4.0']) {
  const folder = join(cache, `java-${version}`);
  const classes = join(folder, 'classes');
  // One thread compiles and one collects: start-up is most of what these programs do.
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];
  await examine({
    name: `kafka-clients ${version}`,
    requiredAs: 'java',
    command: ['java', ...jvm, '-cp', [classes, join(folder, 'lib', '*')].join(delimiter), 'Client'],
    installed: join(classes, 'Client.class'),
  });
}
