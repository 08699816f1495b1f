/**
 * Signals on their way to a source: those that wait for the stream to begin, those of the signal topic and those of the signal
 * file. Rows of the signal table come with the stream itself. What a signal asks for is signals.ts.
 */
import { DataError, type Signal, type SourceTaskContext } from '../../../api/index.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { SignalFile } from './signal-file.ts';
import { SignalTopic } from './signal-topic.ts';
import { signalOfLine } from './signals.ts';

/** More than a patient operator sends during a snapshot. */
const SIGNALS_MAX = 100;

export class SignalInbox {
  readonly #pollMs: number;
  /** They wait for the stream. */
  readonly #waiting: Signal[] = [];
  readonly #file: SignalFile | null;
  readonly #topic: SignalTopic | null;
  #due = 0;
  /** Lines were obeyed, and no offset since was stored. */
  #isFileObeyed = false;

  constructor({ signals, prefix }: SourceSettings, { follow, connector, logger }: SourceTaskContext) {
    const { file, topic, group, pollMs } = signals;
    this.#pollMs = pollMs;
    this.#file = file === null ? null : new SignalFile(file);
    const followed = topic === null ? undefined : follow?.(topic, `${group}-${connector}`);
    this.#topic = followed === undefined ? null : new SignalTopic(followed, prefix, logger);
  }

  /** A request that comes before the stream is read. Throws DataError where too many wait. */
  add(signal: Signal): void {
    if (this.#waiting.length >= SIGNALS_MAX) {
      const message = `${SIGNALS_MAX} signals wait for the stream to begin; the signal "${signal.id}" is refused.`;
      throw new DataError(message, { code: 'PG_SIGNAL' });
    }
    this.#waiting.push(signal);
  }

  /** Signals since the last call, each to be read by the caller: one that holds no signal throws DataError there. */
  async take(): Promise<(() => Signal)[]> {
    const waiting = this.#waiting.splice(0).map((signal) => () => signal);
    const taken = [...waiting, ...(this.#topic?.signals() ?? [])];
    if (this.#file === null || Date.now() < this.#due) return taken;
    this.#due = Date.now() + this.#pollMs;
    const lines = await this.#file.lines();
    if (lines.length > 0) this.#isFileObeyed = true;
    return [...taken, ...lines.map((line) => () => signalOfLine(line))];
  }

  /** What was taken is kept in a stored offset. */
  async stored(): Promise<void> {
    if (this.#isFileObeyed) {
      this.#isFileObeyed = false;
      await this.#file!.stored();
    }
    await this.#topic?.stored();
  }

  async close(): Promise<void> {
    await this.#topic?.close();
  }
}
