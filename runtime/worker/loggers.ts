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

/** The same, without what must not be said. */
type Clean = (value: unknown) => unknown;

interface Named {
  /** Empty where a level was set before there was a logger of that name. */
  readonly loggers: Set<WorkerLogger>;
  level: string;
  lastModified: number | null;
}

export class Loggers {
  readonly #root: WorkerLogger;
  /** Takes out of a line's fields and text what must not be written; set by the worker once it knows. */
  clean: Clean = (value) => value;
  readonly #named = new Map<string, Named>();

  constructor(root: WorkerLogger) {
    this.#root = root;
    this.#named.set('root', { loggers: new Set([root]), level: root.level, lastModified: null });
  }

  /** A child of the root that answers to `name`. */
  named(name: string, bindings: Record<string, unknown>): WorkerLogger {
    const logger = this.#root.child(bindings);
    const known = this.#named.get(name) ?? this.#add(name);
    logger.level = known.level;
    known.loggers.add(logger);
    return hiding(logger, (value) => this.clean(value));
  }

  forget(name: string): void {
    this.#named.delete(name);
  }

  all(): Record<string, LoggerLevel> {
    return Object.fromEntries([...this.#named.keys()].sort().map((name) => [name, this.get(name)!]));
  }

  get(name: string): LoggerLevel | null {
    const named = this.#named.get(name);
    if (named === undefined) return null;
    const word = Object.keys(levels).find((key) => levels[key] === named.level);
    return { level: word ?? named.level.toUpperCase(), last_modified: named.lastModified };
  }

  /** A new name has the level of the nearest above it. */
  #add(name: string): Named {
    let above = name;
    while (above !== '' && !this.#named.has(above)) above = above.slice(0, Math.max(0, above.lastIndexOf('.')));
    const { level } = this.#named.get(above) ?? this.#named.get('root')!;
    const added: Named = { loggers: new Set(), level, lastModified: null };
    this.#named.set(name, added);
    return added;
  }

  isLevel(level: string): boolean {
    return level.toUpperCase() in levels;
  }

  /** Sets the level on a name and all below it, there already or not; answers the names whose level it changed. */
  set(name: string, level: string): string[] {
    const wanted = levels[level.toUpperCase()]!;
    const isNew = !this.#named.has(name);
    if (isNew) this.#add(name);
    const changed: string[] = [];
    for (const [each, named] of this.#named) {
      const isMeant = name === 'root' || each === name || each.startsWith(`${name}.`);
      if (!isMeant || (named.level === wanted && !(isNew && each === name))) continue;
      named.level = wanted;
      named.lastModified = Date.now();
      for (const logger of named.loggers) logger.level = wanted;
      changed.push(each);
    }
    return changed.sort();
  }
}

/** The same logger, whose lines do not quote secrets. Its level stays that of the logger below. */
function hiding(logger: WorkerLogger, clean: Clean): WorkerLogger {
  const fieldsOf = (fields: object) => clean(fields) as object;
  const textOf = (message: string) => clean(message) as string;
  return {
    get level() {
      return logger.level;
    },
    set level(level: string) {
      logger.level = level;
    },
    debug: (fields, message) => logger.debug(fieldsOf(fields), textOf(message)),
    info: (fields, message) => logger.info(fieldsOf(fields), textOf(message)),
    warn: (fields, message) => logger.warn(fieldsOf(fields), textOf(message)),
    error: (fields, message) => logger.error(fieldsOf(fields), textOf(message)),
    child: (bindings) => hiding(logger.child(fieldsOf(bindings) as Record<string, unknown>), clean),
  };
}
