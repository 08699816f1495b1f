/**
 * Gathers lines as bytes. Text is encoded many lines at a time, because one call for a thousand short strings costs a
 * fraction of a thousand calls.
 */
const lineFeed = 10;
/** Strings gathered before they are encoded. */
const pendingMax = 1024;
const firstBytes = 1024 * 1024;

export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #length = 0;
  #pending: string[] = [];
  readonly #lineEnd: string;

  /** `none` gathers texts one behind the other, with nothing between. */
  constructor(lineEnd: 'line feed' | 'none' = 'line feed') {
    this.#lineEnd = lineEnd === 'none' ? '' : '\n';
  }

  /** Adds a line; the line end is ours. */
  add(line: string | Uint8Array): void {
    if (typeof line === 'string') {
      this.#pending.push(line);
      if (this.#pending.length >= pendingMax) this.#encode();
      return;
    }
    this.#encode();
    this.#reserve(line.length + 1);
    this.#bytes.set(line, this.#length);
    this.#length += line.length;
    if (this.#lineEnd !== '') this.#bytes[this.#length++] = lineFeed;
  }

  /** The bytes gathered since the last call: valid until the next `add`. */
  take(): Buffer {
    this.#encode();
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #encode(): void {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join(this.#lineEnd) + this.#lineEnd;
    this.#pending = [];
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
