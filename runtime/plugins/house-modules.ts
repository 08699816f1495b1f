/**
 * What `import … from 'millrace'` means to a plugin: the doorstep of the house that runs it, never a copy of its own.
 *
 * Two copies would have two RetriableErrors. All other modules a plugin imports come from its own package tree. A module
 * loaded again while developing carries `?reload=N`, and what it imports beside itself carries it along.
 */
import { registerHooks } from 'node:module';

/** `.ts` in a checkout, `.js` in the published package. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

const doorsteps: Readonly<Record<string, string>> = {
  millrace: new URL(`../../connectors/api/index.${extension}`, import.meta.url).href,
  'millrace/testing': new URL(`../../connectors/acceptance/index.${extension}`, import.meta.url).href,
};

let isRegistered = false;

/** Makes the two names resolve, in this thread; does so once. */
export function provideHouseModules(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerHooks({
    resolve(specifier, context, next) {
      const url = doorsteps[specifier];
      if (url !== undefined) return { url, shortCircuit: true };
      const resolved = next(specifier, context);
      const reload = /\?reload=\d+$/.exec(context.parentURL ?? '')?.[0];
      const isBeside = reload !== undefined && /^\.{1,2}\//.test(specifier) && resolved.url.startsWith('file:');
      return isBeside ? { ...resolved, url: resolved.url.replace(/\?.*$/, '') + reload } : resolved;
    },
  });
}
