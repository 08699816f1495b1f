/** Puts the demo's topic, schema and connectors into a running Millrace, through the command line as a person would. */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Services } from './services.ts';
import { SHOP_TABLES } from './story.ts';

const here = dirname(fileURLToPath(import.meta.url));
export const launcher = join(here, '..', '..', 'bin', 'millrace');
const run = promisify(execFile);

const COMMAND_TIMEOUT_MS = 90_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const SUBSCRIPTION_DEADLINE_MS = 30_000;

/** `trucks_gps` with its 10 partitions, its schema, and every connector of connectors/, running. */
export async function prepareMillrace({ millrace, mqtt }: Services): Promise<void> {
  // Whoever writes there, the broker itself looks at each report.
  const checked = ['-c', 'schema.validation=value'];
  await command(['topic', 'create', 'trucks_gps', '--partitions', '10', ...checked, '-b', millrace.kafka]);
  const schema = join(here, 'trucks_gps.schema.json');
  await command(['schema', 'register', 'trucks_gps-value', schema, '--registry', millrace.registry]);
  await allowNewColumns(millrace.registry);
  await command(['apply', join(here, 'connectors'), '--wait', '--timeout', '60', '--connect', millrace.connect]);
  await waitForSubscription(mqtt);
}

/**
 * A new column is a new field in an open object: who reads new records by the old schema ignores it (FORWARD), while BACKWARD, the
 * registry's default, takes into account what an old record may hold under that name.
 */
async function allowNewColumns(registry: string): Promise<void> {
  for (const table of SHOP_TABLES) {
    const response = await fetch(new URL(`/config/shop.public.${table}-value`, registry), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ compatibility: 'FORWARD' }),
      signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`The registry answered ${response.status}: ${await response.text()}`);
  }
}

/** A connector runs before its broker has granted the subscription, and MQTT keeps nothing for nobody. */
async function waitForSubscription(mqtt: Services['mqtt']): Promise<void> {
  const deadline = Date.now() + SUBSCRIPTION_DEADLINE_MS;
  while (mqtt.subscriptions() === 0) {
    if (Date.now() > deadline) throw new Error('The MQTT source has not subscribed: see `millrace connector status`.');
    await sleep(20);
  }
}

/** One command of the command line; answers its stdout. Throws what it said on stderr. */
export async function command(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(launcher, [...args], { timeout: COMMAND_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX });
    return stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw new Error(`millrace ${args.join(' ')} failed: ${said === undefined || said === '' ? String(error) : said}`);
  }
}
