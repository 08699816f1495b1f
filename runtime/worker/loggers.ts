/**
 * Loggers by name, with levels that can be changed while the worker runs (`/admin/loggers`, KIP-495, KIP-976).
 *
 * Names are a tree of dotted words: `connect`, `connect.rest`, `connector.<name>`. A level set on a name holds for all
 * below it; `root` is all.
 */

/** What the worker writes its notices to; `child` binds fields. pino fits. */
export interface WorkerLogger {
  level: string;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: Record<string, unknown>): WorkerLogger;
}

export interface LoggerLevel {
  readonly level: string;
  readonly last_modified: number | null;
}

/** log4j's words, which clients of the REST API use, and pino's. */
const levels: Record<string, string> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'fatal',
  OFF: 'silent',
};

interface Named {
  readonly loggers: Set<WorkerLogger>;
  lastModified: number | null;
}

export class Loggers {
  readonly #root: WorkerLogger;
  readonly #named = new Map<string, Named>();

  constructor(root: WorkerLogger) {
    this.#root = root;
    this.#named.set('root', { loggers: new Set([root]), lastModified: null });
  }

  /** A child of the root that answers to `name`. */
  named(name: string, bindings: Record<string, unknown>): WorkerLogger {
    const logger = this.#root.child(bindings);
    const known = this.#named.get(name) ?? { loggers: new Set(), lastModified: null };
    const [sibling] = known.loggers;
    if (sibling !== undefined) logger.level = sibling.level;
    known.loggers.add(logger);
    this.#named.set(name, known);
    return logger;
  }

  forget(name: string): void {
    this.#named.delete(name);
  }

  all(): Record<string, LoggerLevel> {
    return Object.fromEntries([...this.#named.keys()].sort().map((name) => [name, this.get(name)!]));
  }

  get(name: string): LoggerLevel | null {
    const named = this.#named.get(name);
    const [logger] = named?.loggers ?? [];
    if (named === undefined || logger === undefined) return null;
    const word = Object.keys(levels).find((key) => levels[key] === logger.level);
    return { level: word ?? logger.level.toUpperCase(), last_modified: named.lastModified };
  }

  isLevel(level: string): boolean {
    return level.toUpperCase() in levels;
  }

  /** Sets the level on a name and all below it; answers the names it changed. */
  set(name: string, level: string): string[] {
    const changed = [...this.#named.keys()].filter(
      (each) => name === 'root' || each === name || each.startsWith(`${name}.`),
    );
    for (const each of changed) {
      const named = this.#named.get(each)!;
      named.lastModified = Date.now();
      for (const logger of named.loggers) logger.level = levels[level.toUpperCase()]!;
    }
    return changed.sort();
  }
}
