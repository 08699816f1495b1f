/**
 * The signal file (`signal.enabled.channels=file`): one JSON object a line, looked at now and then, emptied once what its
 * lines asked for is kept in a stored offset. A crash in between obeys a line twice, which reads a table twice at worst.
 */
import { readFile, truncate } from 'node:fs/promises';

export class SignalFile {
  readonly #path: string;
  #obeyedBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Whole lines since the last look; a file that is not there has none. */
  async lines(): Promise<string[]> {
    const bytes = await this.#read();
    if (bytes.length < this.#obeyedBytes) this.#obeyedBytes = 0;
    const end = bytes.lastIndexOf('\n') + 1;
    if (end <= this.#obeyedBytes) return [];
    const text = bytes.toString('utf8', this.#obeyedBytes, end);
    this.#obeyedBytes = end;
    return text.split('\n').filter((line) => line.trim() !== '');
  }

  /** What the lines asked for is durable. A file that has grown meanwhile is emptied the next time. */
  async stored(): Promise<void> {
    if (this.#obeyedBytes === 0 || (await this.#read()).length !== this.#obeyedBytes) return;
    await truncate(this.#path);
    this.#obeyedBytes = 0;
  }

  async #read(): Promise<Buffer> {
    try {
      return await readFile(this.#path);
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    }
  }
}
