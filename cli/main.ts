/**
 * The door of the CLI: finds the command that was asked for, loads only that, and turns its outcome into an exit code.
 *
 * Holds no command itself (see commands.ts). Start-up time is a feature: everything heavy is imported late, and V8's
 * compile cache keeps what was compiled the last time.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { run } = await import('./run.ts');
await run(process.argv.slice(2));
