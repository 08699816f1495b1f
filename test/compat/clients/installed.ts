/**
 * Where scripts/compat-install.sh puts other people's programs, and what becomes of tests whose program is not there: a listed
 * skip with its reason, which `CI_REQUIRE=<name>` turns into a failure.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requiredServices } from '../../kit/service.ts';

export const cache = join(import.meta.dirname, '../../../.cache/compat');
export const python = join(cache, 'python/bin/python');

/** False where all of these paths exist, else why the tests are skipped. Throws where CI_REQUIRE has `requiredAs`. */
export function skipUnlessInstalled(requiredAs: string, ...paths: readonly string[]): string | false {
  if (paths.every((path) => existsSync(path))) return false;
  const reason = `${requiredAs} is not installed (scripts/compat-install.sh)`;
  if (requiredServices().includes(requiredAs)) throw new Error(`CI_REQUIRE names it, but ${reason}.`);
  return reason;
}
