/**
 * For processes that are to die in one exact place: `Window.at(place)` is SIGKILL when the place is the one asked for and
 * is reached the n-th time. Nothing runs after it.
 */
export class Window {
  readonly #place: string;
  readonly #nth: number;
  #reached = 0;

  constructor(place: string, nth: number) {
    this.#place = place;
    this.#nth = nth;
  }

  at(place: string): void {
    if (place === this.#place && ++this.#reached === this.#nth) process.kill(process.pid, 'SIGKILL');
  }
}

/** Says errors, and nothing else. */
export const errorsOnly = {
  level: 'error',
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  child: () => errorsOnly,
};

/** The same object with some of its methods replaced. */
export function replaced<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(name in methods ? methods : target, name);
      return typeof member === 'function' && !(name in methods) ? member.bind(target) : member;
    },
  });
}
