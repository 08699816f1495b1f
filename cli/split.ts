/** Cuts a byte stream into lines without decoding it, so that binary values pass unharmed. */

/** Yields what stands between delimiters; the last piece only when it is not empty. */
export async function* splitStream(stream: AsyncIterable<Buffer | string>, delimiter: Buffer): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  // Pieces of a line that spans many chunks are joined once, when its end is found.
  let pieces: Buffer[] = [];
  for await (const chunk of stream) {
    let bytes: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    // A delimiter of several bytes may be cut by the chunks: keep its beginning with what follows.
    if (rest.length > 0) bytes = Buffer.concat([rest, bytes]);
    let from = 0;
    for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, from)) {
      const piece = bytes.subarray(from, at);
      yield pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]);
      pieces = [];
      from = at + delimiter.length;
    }
    const keep = Math.min(delimiter.length - 1, bytes.length - from);
    const end = bytes.length - keep;
    if (end > from) pieces.push(bytes.subarray(from, end));
    rest = bytes.subarray(end);
  }
  const last = Buffer.concat([...pieces, rest]);
  if (last.length > 0) yield last;
}
