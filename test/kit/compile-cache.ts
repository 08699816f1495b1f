/**
 * Loaded before every test file (`node --import`, see package.json): V8's compiled code is kept on disk, as the CLI does
 * for itself. Each file is a process of its own, and most load the same few hundred sources.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
