/** The in-memory log against the port's case file. */
import { logClientCases } from './client.cases.ts';
import { MemoryLog } from './memory.ts';

logClientCases('The in-memory log', async () => new MemoryLog());
