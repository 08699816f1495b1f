/**
 * Finds a service a test needs: given URL → Docker (when a daemon answers) → embedded or a system binary → a listed
 * skip with its reason, which `CI_REQUIRE=name,…` turns into a failure. Design, section 7.
 *
 * One function for every service; what starting it means is the caller's (`postgres.ts`, `mqtt.ts`).
 */
import { existsSync } from 'node:fs';

/** The ways to get a service, tried in this order; a way that is not offered is left out. */
export interface ServiceWays<T> {
  /** The variable that holds an address somebody else runs, and how to use it. */
  readonly given: { readonly variable: string; readonly use: (url: string) => Promise<T> };
  /** Starts it in Docker through testcontainers; asked only when a daemon seems to be there. */
  readonly docker?: () => Promise<T>;
  /** Starts it from npm or from a binary of this machine; throws {@link ServiceUnavailable} when it cannot. */
  readonly embedded?: () => Promise<T>;
}

export type ServiceOrSkip<T> =
  | { readonly service: T; readonly how: 'given' | 'docker' | 'embedded'; readonly skip: false }
  | { readonly service: null; readonly how: 'none'; readonly skip: string };

/** Why a way does not exist on this machine; any other error is a failure of the test. */
export class ServiceUnavailable extends Error {}

/**
 * Resolves a service by name. `skip` is false or the reason, in the shape of node:test's own option:
 * `test('…', { skip: found.skip }, …)`. Throws when `CI_REQUIRE` names the service and no way leads to it.
 */
export async function resolveService<T>(name: string, ways: ServiceWays<T>): Promise<ServiceOrSkip<T>> {
  const url = process.env[ways.given.variable];
  if (url) return { service: await ways.given.use(url), how: 'given', skip: false };

  const reasons = [`${ways.given.variable} is not set`];
  for (const how of ['docker', 'embedded'] as const) {
    const start = ways[how];
    if (start === undefined) continue;
    if (how === 'docker' && !dockerSeemsPresent()) {
      reasons.push('no Docker daemon answers');
      continue;
    }
    try {
      return { service: await start(), how, skip: false };
    } catch (error) {
      if (how === 'embedded' && !(error instanceof ServiceUnavailable)) throw error;
      reasons.push(`${how}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const skip = `${name} is not available (${reasons.join('; ')})`;
  if (requiredServices().includes(name)) throw new Error(`CI_REQUIRE names ${name}, but ${skip}.`);
  return { service: null, how: 'none', skip };
}

/** The services that must not be skipped. */
export function requiredServices(): string[] {
  return (process.env.CI_REQUIRE ?? '').split(',').map((name) => name.trim());
}

/** A cheap look, because importing testcontainers alone takes most of a second. */
function dockerSeemsPresent(): boolean {
  return process.env.DOCKER_HOST !== undefined || existsSync('/var/run/docker.sock');
}
