/**
 * The thread in which a plugin module is imported for the first time: whatever it does there (throw, hang, end the
 * process), it does to this thread. Posts null when all is well, else a sentence.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { pluginsOf } from './examine-module.ts';
import { provideHouseModules } from './house-modules.ts';

provideHouseModules();
parentPort!.postMessage(await problemOf(workerData as string));

async function problemOf(url: string): Promise<string | null> {
  let exported: Record<string, unknown>;
  try {
    exported = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    return error instanceof Error ? withPlace(error) : String(error);
  }
  try {
    pluginsOf(exported);
    return null;
  } catch (error) {
    // Our own sentence: its place is of no use to whoever wrote the plugin.
    return (error as Error).message;
  }
}

/** A syntax error's stack begins with its place; that of any other has it in the first frame. */
function withPlace({ name, message, stack = '' }: Error): string {
  const place = /^(\S+:\d+)\n/.exec(stack)?.[1] ?? /\n\s+at (?:.*\()?(file:[^)\s]+)/.exec(stack)?.[1];
  return `${name}: ${message}${place === undefined ? '' : ` (${place})`}`;
}
