/** What follows from an object that stays as it is (settings, a schema), worked out at its first use: records are many, and ask each time. */
export function oncePer<Key extends object, Result>(workOut: (key: Key) => Result): (key: Key) => Result {
  const known = new WeakMap<Key, Result>();
  return (key) => {
    let result = known.get(key);
    if (result === undefined) {
      result = workOut(key);
      known.set(key, result);
    }
    return result;
  };
}
