/**
 * Decides, each time the stream begins, whether large transactions are asked for while they still run, and opens the spools for them.
 * Reading is committed-stream.ts, keeping transaction-spool.ts.
 *
 * They are not asked for where the configuration says so, where a record would lack something (the stream of a running transaction does
 * not tell where it was committed first, if it was replicated from elsewhere), and once that went wrong: then the server keeps them.
 */
import { RetriableError } from '../../../api/index.ts';
import { isInternalError } from '../../errors.ts';
import type { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import type { ReplicationClient } from '../server/replication-client.ts';
import { BEGINS_WITH_CHANGE_VERSION, CommittedStream } from './committed-stream.ts';
import { Spools, spoolDirectory } from './transaction-spool.ts';

/**
 * Where more than this is to be read at the beginning (bytes of WAL; what a server keeps of a transaction in memory by default), it is
 * read in the old way: those transactions have ended, and keeping them here first took twice our processor time (1,000,000 updates
 * of one transaction, bench/postgres/compare.bench.ts: 11.4 s of it, 5.6 s without).
 */
const BEHIND_BYTES_MAX = 64 * 1024 * 1024;

export class LargeTransactions {
  readonly #settings: SourceSettings;
  readonly #count: (figure: string, more: number) => void;
  #areStreamed = false;
  #isGivenUp = false;

  /** `count` is told `spooled_bytes`: what was written to files. */
  constructor(settings: SourceSettings, count: (figure: string, more: number) => void) {
    this.#settings = settings;
    this.#count = count;
  }

  /** Whether to ask for them, where so much is to be read first. */
  async decide(catalog: WireConnection, behindBytes: number): Promise<boolean> {
    this.#areStreamed = behindBytes <= BEHIND_BYTES_MAX && (await this.#mayBeStreamed(catalog));
    return this.#areStreamed;
  }

  async #mayBeStreamed(catalog: WireConnection): Promise<boolean> {
    const { slot, transactionTopic } = this.#settings;
    if (!slot.isStreaming || this.#isGivenUp) return false;
    // The record of a transaction's beginning names the place of Begin.
    if (transactionTopic !== null && catalog.serverVersion < BEGINS_WITH_CHANGE_VERSION) return false;
    // Nothing of other origins is sent then.
    if (slot.origin === 'none') return true;
    const [answer] = await catalog.query('SELECT EXISTS (SELECT FROM pg_replication_origin) AS any');
    return answer!.any === 'f';
  }

  /** The stream of `client`, every transaction whole. */
  async open(client: ReplicationClient): Promise<CommittedStream> {
    const { directory, bytesMax } = this.#settings.spool;
    const onWritten = (bytes: number) => this.#count('spooled_bytes', bytes);
    const spools = new Spools({ directory: await spoolDirectory(directory), bytesMax, onWritten });
    return new CommittedStream(client, spools, client.serverVersion);
  }

  /**
   * Reading failed, and the error may have come of this: then it goes on without. Answers the error to report.
   *
   * Random scripts met Postgres 18.4 failing with "could not map filenumber … to relation OID" while it sent a running transaction,
   * and never behind a commit. Why is not known; that those scripts emptied or rewrote tables and rolled back savepoints is a guess.
   */
  failed(error: unknown): unknown {
    if (error instanceof RetriableError && error.code === 'PG_STREAMING') this.#isGivenUp = true;
    if (!this.#areStreamed || !isInternalError(error)) return error;
    this.#isGivenUp = true;
    const message = `The server failed while it sent a transaction that still runs: ${error.message}. From now on, until this task is started again, it keeps large transactions until their commit; slot.stream.params=streaming=off has it do so for good.`;
    return new RetriableError(message, { code: 'PG_STREAMING', cause: error });
  }
}
