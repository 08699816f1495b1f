/**
 * The thread that reads a large snapshot: its connections, the text of COPY and the envelopes made of it. What is to be read, and
 * what becomes of the rows, is the task's to say, on its own thread (`snapshot-lanes.ts`).
 *
 * A lane reads one range at a time, and no further ahead of the task than {@link AHEAD_CHUNKS}: then its socket waits, and the
 * server with it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { parseConfig } from '../../../api/index.ts';
import { FrameType, type WireConnection } from '../../wire/connection.ts';
import { type SourceSettings, sourceSettings } from '../config/source-config.ts';
import { debeziumDefaults, ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { openSnapshotSession } from '../server/sessions.ts';
import { Tables } from '../tables/tables.ts';
import { ChunkWriter } from './snapshot-chunks.ts';
import {
  type FromThread,
  type RangeOrder,
  type SnapshotChunk,
  type SnapshotThreadData,
  type ToThread,
  toPlainError,
} from './snapshot-messages.ts';

/** One under way to the task, one in its hands. */
const AHEAD_CHUNKS = 2;
/** Pieces of memory that wait for a chunk: what a transaction of the worker gives back at once. */
const SPARE_MAX = 32;
/** Rows of a slow statement do not wait longer for their chunk to fill. */
const FLUSH_MS = 200;

if (parentPort === null) throw new Error('snapshot-thread.ts runs as a worker thread only.');
const port = parentPort;
const data = workerData as SnapshotThreadData;

function settingsOfThread(): SourceSettings {
  const defaults = data.isCompatible ? debeziumDefaults : ourDefaults;
  const settings = sourceSettings(parseConfig(sourceConfigDef(defaults), data.raw).config, data.isCompatible);
  // What is read ahead as rows needs no second room as bytes.
  return { ...settings, queueBytesMax: Math.min(settings.queueBytesMax, AHEAD_CHUNKS * data.chunkBytes) };
}

/** Memory that came back, for chunks of all lanes. */
const spare: ArrayBuffer[] = [];

/** One connection and the range it reads. */
class Lane {
  readonly #number: number;
  readonly #connection: WireConnection;
  readonly #tables: Tables;
  readonly #chunks = new ChunkWriter(data, spare);
  /** Handed over and not used up. */
  #aheadBytes = 0;
  #onUsed: (() => void) | null = null;

  constructor(number: number, connection: WireConnection, tables: Tables) {
    this.#number = number;
    this.#connection = connection;
    this.#tables = tables;
  }

  used(bytes: number): void {
    this.#aheadBytes -= bytes;
    this.#onUsed?.();
  }

  async read({ relation, sql, isRaw, isInRuns }: RangeOrder): Promise<void> {
    const connection = this.#connection;
    if (this.#tables.get(relation.oid) === undefined) await this.#tables.take(relation, connection);
    const encoder = this.#tables.get(relation.oid);
    if (encoder == null) throw new Error(`The table ${relation.schema}.${relation.name} is not captured.`);
    this.#chunks.begin(isRaw ? null : encoder, isInRuns);
    await connection.startStream(sql);
    const { frames } = connection;
    for (;;) {
      if (!frames.next()) {
        if (!(await frames.wait(FLUSH_MS))) this.#hand(this.#chunks.takeEarlier());
      } else if (frames.type === FrameType.copyData) {
        // Only with a row behind it: the last chunk is to have the last row.
        const full = this.#chunks.makeRoom();
        if (full !== null) {
          this.#hand(full);
          while (this.#aheadBytes >= AHEAD_CHUNKS * data.chunkBytes) await this.#use();
        }
        this.#chunks.add(frames.buffer, frames.start, frames.end);
      } else if (frames.type === FrameType.error) throw connection.currentError();
      else if (frames.type === FrameType.ready) {
        for (const chunk of this.#chunks.takeEnd()) this.#hand(chunk);
        return;
      }
    }
  }

  #hand(chunk: SnapshotChunk | null): void {
    if (chunk === null) return;
    this.#aheadBytes += chunk.bytes.length;
    const message: FromThread = { lane: this.#number, chunk };
    const ends = chunk.largestOfRun === null ? [chunk.ends.buffer] : [];
    port.postMessage(message, [chunk.bytes.buffer, ...ends]);
  }

  /** Without a deadline: a task that is held back uses nothing for as long as it likes, and ends the thread when it is done with it. */
  #use(): Promise<void> {
    return new Promise((resolve) => {
      this.#onUsed = resolve;
    });
  }
}

async function open(): Promise<void> {
  const settings = settingsOfThread();
  const tables = new Tables(settings);
  const lanes: Lane[] = [];
  for (let number = 0; number < data.lanes; number++) {
    const connection = await openSnapshotSession(settings, data.name, data.snapshot);
    lanes.push(new Lane(number, connection, tables));
  }
  port.on('message', (message: ToThread) => {
    if ('spare' in message) {
      if (spare.length < SPARE_MAX) spare.push(message.spare);
      return;
    }
    const lane = lanes[message.lane]!;
    if ('used' in message) lane.used(message.used);
    else lane.read(message.order).catch((error: unknown) => fail(message.lane, error));
  });
  port.postMessage({ opened: true } satisfies FromThread);
}

function fail(lane: number | null, error: unknown): void {
  port.postMessage({ lane, failure: toPlainError(error) } satisfies FromThread);
}

open().catch((error: unknown) => fail(null, error));
