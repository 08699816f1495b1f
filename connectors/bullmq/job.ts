/**
 * A record as a job: name, id, data and options, from the templates of the config. Pure; step 10 of the record's journey.
 */
import {
  type ConnectValue,
  jsonValue,
  plainValue,
  type RecordTemplate,
  type SinkRecord,
  wholeRecord,
} from '../api/index.ts';
import type { SinkSettings } from './config.ts';
import { badJob } from './errors.ts';

/** One job, as `Queue.addBulk` takes it, and the queue it belongs to. */
export interface Job {
  readonly queue: string;
  readonly name: string;
  readonly data: unknown;
  readonly opts: Readonly<Record<string, unknown>> & { readonly jobId: string };
}

/** BullMQ's highest priority number. */
const priorityMax = 2_097_151;
/** A delay beyond this is a wrong unit, not a wish: three years. */
const delayMsMax = 3 * 365 * 86_400_000;

/** The job of a record. Throws DataError where the record lacks something or a number is out of its range. */
export function toJob(settings: SinkSettings, record: SinkRecord, nowMs: number): Job {
  const value = plainData(record);
  // BullMQ writes it with JSON.stringify.
  const data = jsonValue(settings.dataIsRecord ? wholeRecord(record, value) : value, { bigints: 'text' });
  const { sizeLimitBytes, deduplication } = settings;
  if (sizeLimitBytes !== null) {
    const bytes = Buffer.byteLength(JSON.stringify(data) ?? '');
    if (bytes > sizeLimitBytes)
      throw badJob(placeOf(record), `its data has ${bytes} bytes, more than job.size.limit.bytes (${sizeLimitBytes})`);
  }
  const dedupId = deduplication?.id.tryRender(record) ?? null;
  return {
    queue: queueOf(settings, record),
    name: settings.name.render(record),
    data,
    opts: {
      ...settings.options,
      jobId: jobIdOf(settings, record),
      timestamp: record.timestamp ?? nowMs,
      delay: delayOf(settings, record, nowMs),
      priority: numberOf(settings.priority, record, 'priority', 0, priorityMax),
      attempts: numberOf(settings.attempts, record, 'number of attempts', 1, Number.MAX_SAFE_INTEGER),
      ...(dedupId === null ? {} : { deduplication: { ...deduplication!.options, id: dedupId } }),
    },
  };
}

export function queueOf(settings: SinkSettings, record: SinkRecord): string {
  return settings.queue.render(record).replaceAll(':', '-');
}

/** The id of the record's job, in the letters BullMQ allows: no colon, not digits alone. */
export function jobIdOf(settings: SinkSettings, record: SinkRecord): string {
  const id = settings.id.render(record).replaceAll('%', '%25').replaceAll(':', '%3A');
  if (id === '') throw badJob(placeOf(record), `"job.id" (${settings.id.source}) gives an empty id`);
  return /^\d+$/.test(id) ? `id-${id}` : id;
}

export function placeOf(record: SinkRecord): string {
  return `${record.originalTopic}-${record.originalPartition} offset ${record.offset}`;
}

function delayOf(settings: SinkSettings, record: SinkRecord, nowMs: number): number {
  const until = settings.notBefore?.tryRender(record) ?? null;
  if (until === null) return numberOf(settings.delayMs, record, 'delay', 0, delayMsMax);
  const time = /^-?\d+$/.test(until) ? Number(until) : Date.parse(until);
  if (Number.isNaN(time))
    throw badJob(placeOf(record), `"${until}" is no time (milliseconds since the epoch, or RFC 3339)`);
  const delay = Math.max(0, time - nowMs);
  if (delay > delayMsMax) throw badJob(placeOf(record), `its time "${until}" is more than three years away`);
  return delay;
}

/** A number by template; a record that does not have it gets the lowest. */
function numberOf(template: RecordTemplate, record: SinkRecord, what: string, min: number, max: number): number {
  const text = template.tryRender(record);
  if (text === null) return min;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw badJob(placeOf(record), `its ${what} is "${text}", which is no whole number from ${min} to ${max}`);
}

function plainData(record: SinkRecord): ConnectValue {
  try {
    return plainValue(record.value);
  } catch {
    throw badJob(placeOf(record), 'its value is no JSON');
  }
}
