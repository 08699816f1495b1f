/** confluent-kafka for Python, with the newest librdkafka inside its wheel, against our broker. */
import { join } from 'node:path';
import { cache, python } from '../installed.ts';
import { examine } from '../outside-client.ts';

await examine({
  name: 'confluent-kafka',
  requiredAs: 'confluent-kafka',
  command: [python, join(import.meta.dirname, 'client.py')],
  installed: join(cache, 'python/confluent-kafka.installed'),
});
