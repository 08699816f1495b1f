/**
 * The rest of the way for a source's dead letters: they failed before they were written, so what goes back runs through the
 * connector's transforms and converters as the worker has them now.
 */
import { isUtf8 } from 'node:buffer';
import { JsonText, parseJson, type RecordValue } from '../../connectors/api/index.ts';
import { pathOf } from '../connectors.ts';
import { CliError } from '../errors.ts';
import type { TargetedRecord } from '../kafka/transaction.ts';
import type { CliRecord } from '../record-json.ts';
import { request } from '../rest.ts';
import { type ChainTrace, liveRegistry, liveTools, reachOf, type WorkshopFlags } from '../workshop.ts';
import type { DeadLetter } from './letters.ts';

const STAGES = ['TRANSFORMATION', 'KEY_CONVERTER', 'VALUE_CONVERTER', 'HEADER_CONVERTER'];

/** True where a letter's bytes are those a source read, not those a topic would hold. */
export function isBeforeChain({ cause }: DeadLetter): boolean {
  return cause.source !== null && STAGES.includes(cause.stage);
}

export interface ChainOptions extends WorkshopFlags {
  readonly connect: string;
  readonly registry: string;
}

/** The chains of the connectors whose letters are sent back, each made once. */
export class Chains {
  readonly #options: ChainOptions;
  readonly #chains = new Map<string, Promise<ChainTrace>>();

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  /** What the topic will hold, or null where a transform drops the record. Rejects where it fails again. */
  async produce(
    { place, cause }: DeadLetter,
    record: CliRecord & { readonly topic: string },
  ): Promise<TargetedRecord | null> {
    let chain = this.#chains.get(cause.connector);
    if (chain === undefined) {
      chain = this.#open(cause.connector);
      this.#chains.set(cause.connector, chain);
    }
    const headers = record.headers.map(({ key, value }) => ({ key, value: connectValue(value), schema: null }));
    const { topic, timestamp } = record;
    const [key, value] = [connectValue(record.key), connectValue(record.value)];
    const given = { topic, partition: null, keySchema: null, key, valueSchema: null, value, headers, timestamp };
    try {
      return await (await chain).produce({ ...given, sourcePartition: {}, sourceOffset: {} });
    } catch (error) {
      if (error instanceof CliError) throw error;
      const failed = (error as Error).cause ?? error;
      throw new CliError('BAD_INPUT', `${place} fails again: ${(failed as Error).message}`, {
        next: 'Nothing of this topic was sent. Correct it with --set or --patch, or leave it out with --where.',
      });
    }
  }

  async close(): Promise<void> {
    for (const chain of this.#chains.values()) (await chain.catch(() => null))?.close();
  }

  async #open(name: string): Promise<ChainTrace> {
    const config = (await request(this.#options.connect, 'GET', pathOf(name, '/config'))) as Record<string, string>;
    const [reach, { planFile, ChainTrace: Trace }] = await Promise.all([reachOf(this.#options), liveTools()]);
    const noPlace = () => ({ line: 1, column: 1 });
    const file = { path: `connector ${name}`, name, config, initialState: 'RUNNING' as const, placeOf: noPlace };
    const planned = await planFile(file, reach);
    if ('plan' in planned) return Trace.create(planned.plan, await liveRegistry([this.#options.registry]));
    const problems = planned.findings.map(({ message }) => message).join(' ');
    throw new CliError('BAD_CONFIGURATION', `The chain of connector ${name} cannot be made here: ${problems}`, {
      next: 'References and plugins are resolved on this machine; --to TOPIC writes the bytes as they are.',
    });
  }
}

/** JSON as the text it is, other text as a string, other bytes as bytes. */
function connectValue(bytes: Uint8Array | null): RecordValue {
  if (bytes === null) return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) return buffer;
  try {
    const parsed = parseJson(buffer);
    return typeof parsed === 'object' && parsed !== null ? new JsonText(buffer) : buffer.toString();
  } catch {
    return buffer.toString();
  }
}
