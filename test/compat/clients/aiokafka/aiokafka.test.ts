/** aiokafka against our broker. */
import { join } from 'node:path';
import { cache, python } from '../installed.ts';
import { examine } from '../outside-client.ts';

await examine({
  name: 'aiokafka',
  requiredAs: 'aiokafka',
  command: [python, join(import.meta.dirname, 'client.py')],
  installed: join(cache, 'python/aiokafka.installed'),
  lacks: {
    cooperative: 'it has eager assignors only',
    'consumer-protocol': 'KIP-848 is not in this client',
  },
});
