/**
 * Watches how much WAL the slot holds back, and says how long the disk will last: a reader that stands still must not end
 * the database. Looks now and then, over a connection and by a clock of its own: a task whose log takes nothing is not asked
 * for records either.
 */
import { ConnectError, type Logger } from '../../../api/index.ts';
import { quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { parseLsn } from '../tables/pgoutput.ts';
import { openSession } from './sessions.ts';

/** Often enough to act before a disk is full, seldom enough to cost nothing. */
const LOOK_MS = 15_000;
/** Said again after this long while it lasts. */
const REPEAT_MS = 300_000;
/** The alarm begins when this much of the limit is used. */
const ALARM_SHARE = 0.8;

export interface WalState {
  readonly retainedBytes: number;
  /** Null: there is none. */
  readonly limitBytes: number | null;
  /** At the pace since the last look; null where there is no limit or no growth. */
  readonly secondsToLimit: number | null;
  readonly status: string;
}

export class WalGuard {
  readonly #settings: SourceSettings;
  readonly #logger: Logger;
  readonly #name: string;
  #connection: WireConnection | null = null;
  #last: { readonly at: number; readonly bytes: number } | null = null;
  #saidAt = 0;
  #restartLsn: number | null = null;
  /** The slot's `restart_lsn` as of the look before the last, so that it is surely on the server's disk; null where nobody looked. */
  provenRestartLsn: number | null = null;
  /** As of the last look; null before, and where the server could not be asked. */
  state: WalState | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #verdict: 'drop' | Error | null = null;

  constructor(settings: SourceSettings, logger: Logger, name: string) {
    this.#settings = settings;
    this.#logger = logger;
    this.#name = name;
  }

  /** Looks from here on, until it is stopped. */
  start(): void {
    this.#timer ??= setInterval(() => void this.#lookNow(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.close();
  }

  /** True where the slot is to be given up since the last call; throws PG_WAL_LIMIT where the task is to stop. */
  takeVerdict(): boolean {
    const verdict = this.#verdict;
    this.#verdict = null;
    if (verdict instanceof Error) throw verdict;
    return verdict === 'drop';
  }

  async #lookNow(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#verdict = (await this.look()) ? 'drop' : null;
    } catch (error) {
      this.#verdict = error as Error;
    } finally {
      this.#isLooking = false;
      // Stopped meanwhile: nobody else closes what this look has opened.
      if (this.#timer === undefined) this.close();
    }
  }

  /**
   * Looks and acts. Answers true where the slot is to be given up; throws PG_WAL_LIMIT where the task is to stop. A server
   * that does not answer is no reason for either.
   */
  async look(): Promise<boolean> {
    const state = await this.#read();
    this.state = state;
    if (state === null) return false;
    const { retainedBytes, limitBytes, status } = state;
    const isNear = limitBytes !== null && retainedBytes >= limitBytes * ALARM_SHARE;
    if (!isNear && (status === 'reserved' || status === 'extended')) return false;
    if (Date.now() - this.#saidAt > REPEAT_MS) {
      this.#saidAt = Date.now();
      this.#logger.warn(state, alarm(this.#settings.slot.name, state));
    }
    const { action, retainedBytesMax } = this.#settings.guard;
    if (retainedBytesMax === 0 || retainedBytes < retainedBytesMax || action === 'warn') return false;
    if (action === 'drop_slot') return true;
    throw new ConnectError(
      `The replication slot "${this.#settings.slot.name}" holds back ${retainedBytes} bytes of WAL, more than wal.retained.bytes.max (${retainedBytesMax}). Find out why records are not taken (a full log, a topic that refuses them), raise the limit, or set wal.guard.action to drop_slot.`,
      { code: 'PG_WAL_LIMIT' },
    );
  }

  /** The state now; null where the server cannot be asked. */
  async #read(): Promise<WalState | null> {
    try {
      this.#connection ??= await openSession(this.#settings, this.#name);
      const [row] = await this.#connection.query(
        `SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn) AS retained,
           restart_lsn, safe_wal_size AS safe, wal_status AS status FROM pg_replication_slots WHERE slot_name = ${quoteLiteral(this.#settings.slot.name)}`,
      );
      this.provenRestartLsn = this.#restartLsn;
      this.#restartLsn = row?.restart_lsn == null ? null : parseLsn(row.restart_lsn);
      return row === undefined ? null : this.#judge(Number(row.retained ?? 0), row.safe ?? null, row.status ?? '');
    } catch (error) {
      this.#logger.debug({ err: error }, 'The slot could not be looked at.');
      this.close();
      return null;
    }
  }

  #judge(retainedBytes: number, safe: string | null, status: string): WalState {
    const { retainedBytesMax } = this.#settings.guard;
    const limits = [safe === null ? null : retainedBytes + Number(safe), retainedBytesMax || null];
    const known = limits.filter((limit) => limit !== null);
    const limitBytes = known.length === 0 ? null : Math.min(...known);
    const now = Date.now();
    const before = this.#last;
    this.#last = { at: now, bytes: retainedBytes };
    const growth = before === null ? 0 : ((retainedBytes - before.bytes) / Math.max(1, now - before.at)) * 1000;
    const secondsToLimit =
      limitBytes === null || growth <= 0 ? null : Math.max(0, Math.round((limitBytes - retainedBytes) / growth));
    return { retainedBytes, limitBytes, secondsToLimit, status };
  }

  close(): void {
    this.#connection?.destroy();
    this.#connection = null;
    // What answers next may be another server.
    this.#restartLsn = null;
    this.provenRestartLsn = null;
  }
}

/** What a look says that found the limit near or passed. */
function alarm(slot: string, { retainedBytes, limitBytes, secondsToLimit, status }: WalState): string {
  const name = `The replication slot "${slot}"`;
  if (status === 'lost') return `${name} is lost: the server has removed WAL that was not read. See PG_SLOT_LOST.`;
  const end = status === 'unreserved' ? ' The server removes it at its next checkpoint, and the slot is lost.' : '';
  const left = secondsToLimit === null ? '' : ` At this pace the limit is reached in ${secondsToLimit} s.`;
  const advice = 'Let the connector read on (is it paused, or does the log take nothing?), or raise the limit.';
  return `${name} holds back ${retainedBytes} bytes of WAL (limit ${limitBytes ?? 'none'}).${end || left} ${advice}`;
}
