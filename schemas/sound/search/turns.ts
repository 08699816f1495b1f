/** Several lists as one, each having its turn: nothing waits for something else to be exhausted. */

export function* takingTurns<T>(lists: readonly Iterable<T>[]): Generator<T> {
  let open = lists.map((list) => list[Symbol.iterator]());
  while (open.length > 0) {
    const left: Iterator<T>[] = [];
    for (const list of open) {
      const next = list.next();
      if (next.done === true) continue;
      yield next.value;
      left.push(list);
    }
    open = left;
  }
}
