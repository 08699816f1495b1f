/**
 * The door of the CLI: finds the command that was asked for, loads only that, and turns its outcome into an exit code.
 *
 * Holds no command itself (see commands.ts). Start-up time is a feature: everything heavy is imported late, and V8's
 * compile cache keeps what was compiled the last time.
 */
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

enableCompileCache();
// Threads know of the cache by the environment alone. Without it each would strip types and compile anew, and keep what
// that takes: 17 MiB for the watchdog in a checkout. What they are told is the folder around this Node's own.
const cache = getCompileCacheDir();
if (cache !== undefined) process.env['NODE_COMPILE_CACHE'] ??= dirname(cache);
const { run } = await import('./run.ts');
await run(process.argv.slice(2));
