/**
 * The rooms' loggers and their levels, which Kafka's tools change while the house runs (`kafka-configs --entity-type
 * broker-loggers`, KIP-412): one per room, and `root` for all that have no level of their own.
 */
import type { HouseLogger } from './up-logger.ts';

/** Kafka's word for a logger that says nothing; pino's is silent. */
const silent = 'OFF';

export class UpLogLevels {
  readonly root = 'root';
  readonly #root: HouseLogger;
  readonly #rooms = new Map<string, HouseLogger>();
  readonly #ownLevels = new Set<string>();

  constructor(root: HouseLogger) {
    this.#root = root;
  }

  /** A room's logger; called once for each room. */
  room(name: string): HouseLogger {
    const logger = this.#root.child({ room: name });
    this.#rooms.set(name, logger);
    return logger;
  }

  names(): string[] {
    return [this.root, ...this.#rooms.keys()];
  }

  levelOf(name: string): string {
    const { level } = this.#loggerOf(name);
    return level === 'silent' ? silent : level.toUpperCase();
  }

  /** Null takes the root's level. The name is one of `names`. */
  setLevel(name: string, level: string | null): void {
    if (name !== this.root && level === null) this.#ownLevels.delete(name);
    else if (name !== this.root) this.#ownLevels.add(name);
    this.#loggerOf(name).level = level?.toLowerCase() ?? this.#root.level;
    if (name !== this.root) return;
    for (const [room, logger] of this.#rooms) if (!this.#ownLevels.has(room)) logger.level = this.#root.level;
  }

  #loggerOf(name: string): HouseLogger {
    return name === this.root ? this.#root : this.#rooms.get(name)!;
  }
}
