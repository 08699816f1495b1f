/** kafka-python 3 against our broker. */
import { join } from 'node:path';
import { cache, python } from '../installed.ts';
import { examine } from '../outside-client.ts';

await examine({
  name: 'kafka-python',
  requiredAs: 'kafka-python',
  command: [python, join(import.meta.dirname, 'client.py')],
  installed: join(cache, 'python/kafka-python.installed'),
  lacks: {
    'consumer-protocol': 'KIP-848 is not in this client',
  },
});
