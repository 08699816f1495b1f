/** franz-go, the Go client, against our broker. */
import { join } from 'node:path';
import { cache } from '../installed.ts';
import { examine } from '../outside-client.ts';

const program = join(cache, 'franz-go');

await examine({ name: 'franz-go', requiredAs: 'franz-go', command: [program], installed: program });
