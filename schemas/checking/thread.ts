/** The checking thread: takes work, answers with messages, a sound answer or an error. checker.ts is at the other end. */
import { parentPort } from 'node:worker_threads';
import { RegistryError } from '../errors.ts';
import { DEFAULT_LIMITS, parseSchema } from '../parse/parse-schema.ts';
import type { SoundAnswer } from '../sound/answer.ts';
import { compileSchema } from '../validation/compile.ts';
import { compare, explain, refusals, vet, type Work } from './work.ts';

export type Told =
  | 'ready'
  | { readonly messages: readonly string[] }
  | { readonly sound: SoundAnswer | null }
  | { readonly value: unknown }
  | { readonly refused: { readonly code: string; readonly errorCode: number; readonly message: string } }
  | { readonly failed: string };

const port = parentPort!;
const tell = (told: Told): void => port.postMessage(told);

port.on('message', async (work: Work) => {
  try {
    if (work.kind === 'vet') {
      await vet(work);
      tell({ sound: null });
    } else if (work.kind === 'explain') tell({ value: await explain(work) });
    else if (work.kind === 'records') tell({ value: refusals(work) });
    else tell({ sound: await compare(work, (messages) => tell({ messages })) });
  } catch (error) {
    if (error instanceof RegistryError) {
      const { code, errorCode, message } = error;
      tell({ refused: { code, errorCode, message } });
    } else tell({ failed: (error as Error).message });
  }
});

// What every piece of work needs is loaded before the clock runs.
compileSchema('true', []);
await parseSchema('true', [], DEFAULT_LIMITS);
tell('ready');
