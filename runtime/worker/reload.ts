/**
 * Looks again at a config's references when what their provider said has run out (`config.action.reload`, KIP-297), and
 * has the connector started anew when something changed. Kafka Connect restarts in either case.
 */
import type { Logger } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import type { ConfigProviders } from './config-providers.ts';
import type { Raw } from './plan.ts';

export class Reload {
  readonly #providers: ConfigProviders;
  readonly #logger: Logger;
  readonly #restart: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(providers: ConfigProviders, logger: Logger, restart: () => void) {
    this.#providers = providers;
    this.#logger = logger;
    this.#restart = restart;
  }

  /** Follows a config from now on, as written, in place of the one before. */
  async follow(raw: Raw): Promise<void> {
    this.stop();
    const ttlMs = this.#providers.ttlOf(raw);
    if (ttlMs === null || raw['config.action.reload']?.trim() === 'none') return;
    const { resolved } = await this.#providers.resolve(raw);
    const look = () => {
      this.#look(raw, resolved).then((isChanged) => {
        if (!isChanged) this.#timer = setTimeout(look, ttlMs).unref();
      });
    };
    this.#timer = setTimeout(look, ttlMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A reference that leads nowhere for a moment is no reason to stop what runs. */
  async #look(raw: Raw, before: Raw): Promise<boolean> {
    try {
      const { resolved, problems } = await this.#providers.resolve(raw);
      const keys = Object.keys(raw).filter((key) => resolved[key] !== before[key]);
      if (problems.length > 0 || keys.length === 0) return false;
      this.#logger.info({ keys }, 'A value from outside has changed; the connector is started anew with it.');
      this.#restart();
      return true;
    } catch (error) {
      this.#logger.warn({ err: error }, `Values from outside could not be looked at again: ${messageOf(error)}`);
      return false;
    }
  }
}
