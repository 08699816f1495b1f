/** How a server of ours ends: at the first SIGTERM or SIGINT in good order, at the second or after a deadline at once. */
import { ExitCodes } from './exit-codes.ts';
import { notice } from './io.ts';

/** SIGTERM promises an end within 10 s; what hangs then is cut off a little earlier. */
const STOP_DEADLINE_MS = 9_500;

/** Resolves when everything has stopped, with the signal that made it stop. */
export function stopOnSignal(stopAll: () => Promise<void>): Promise<'SIGINT' | 'SIGTERM'> {
  return new Promise((resolve) => {
    let isStopping = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (isStopping) process.exit(signal === 'SIGINT' ? ExitCodes.interrupted : ExitCodes.failed);
        isStopping = true;
        setTimeout(() => {
          notice(`Something did not stop within ${STOP_DEADLINE_MS / 1000} s; ending without it.`);
          process.exit(ExitCodes.failed);
        }, STOP_DEADLINE_MS).unref();
        void stopAll().then(() => resolve(signal));
      });
    }
  });
}
