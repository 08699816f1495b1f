/**
 * Adds members to a JSON object without reading it: the bytes, then the members, then the brace. What is in the object is
 * neither parsed nor written anew, which is most of what a transform of JSON text costs.
 */

const OPEN = 0x7b;
const CLOSE = 0x7d;
/** Space, tab and line ends; JSON has no other blanks. */
const BLANK_MAX = 0x20;

/**
 * `names` are the new members' names in quotes, `members` is their text with a comma before and a brace behind
 * (`,"a":1}`). Null where the bytes are no
 * object, or may have a member of such a name: then it has to be parsed.
 */
export function spliceMembers(bytes: Uint8Array, names: readonly Buffer[], members: Buffer): Buffer | null {
  const text = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  let end = text.length - 1;
  while (start < end && text[start]! <= BLANK_MAX) start++;
  while (end > start && text[end]! <= BLANK_MAX) end--;
  if (text[start] !== OPEN || text[end] !== CLOSE) return null;
  // Also where it is only below, or inside a text: then parsing is slower, not wrong.
  for (const name of names) if (text.includes(name)) return null;
  let last = end - 1;
  while (last > start && text[last]! <= BLANK_MAX) last--;
  // An empty object takes no comma.
  const from = last === start ? 1 : 0;
  const spliced = Buffer.allocUnsafe(end + members.length - from);
  text.copy(spliced, 0, 0, end);
  members.copy(spliced, end, from);
  return spliced;
}
