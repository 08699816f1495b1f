/**
 * The bytes of a JSON object with members behind its own. The members are bytes already; putting them behind the object as
 * text would make V8 build that text first. Several such objects lie in one piece of memory, as in Node's own pool.
 */

const POOL_BYTES = 64 * 1024;
/** UTF-8 has at most so many bytes for a UTF-16 unit. */
const BYTES_PER_UNIT = 3;
const CLOSE = 0x7d;
const COMMA_BYTES = 1;

let pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = 0;

/** `object` is the text of a JSON object, `members` as in `,"a":1,"b":2`. */
export function extendedBytes(object: string, members: Uint8Array): Uint8Array {
  // An empty object takes no comma.
  const added = object === '{}' ? members.subarray(COMMA_BYTES) : members;
  const most = object.length * BYTES_PER_UNIT + added.length;
  if (most > POOL_BYTES / 4) return Buffer.concat([Buffer.from(object.slice(0, -1)), added, Buffer.of(CLOSE)]);
  if (used + most > POOL_BYTES) {
    pool = Buffer.allocUnsafeSlow(POOL_BYTES);
    used = 0;
  }
  // The members go over the last brace.
  const end = used + pool.write(object, used) - 1 + added.length;
  pool.set(added, end - added.length);
  pool[end] = CLOSE;
  const bytes = pool.subarray(used, end + 1);
  used = end + 1;
  return bytes;
}
