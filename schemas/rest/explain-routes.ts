/**
 * What a change of schema means, before and after it is registered (ours, beside Confluent's API): `…/changes` between two
 * versions, and `/subjects/{s}/try`, which holds a schema against the last version and the last real records.
 *
 * The console's schema page asks these; they change nothing.
 */
import type { RegistryCore } from '../core.ts';
import { errors } from '../errors.ts';
import type { RegisterRequest, SchemaVersion } from '../model.ts';
import { parseSubjectName } from '../subject-name.ts';
import { type RestRequest, registerRequest, text } from './request.ts';
import type { Route } from './routes.ts';

/** Real records, by whoever keeps the log; the registry knows none. */
export interface RecordSource {
  /**
   * Up to `count` of the last records of a topic, their keys or values, oldest first; null where there is no such topic, or
   * not for `reader`: what a schema refuses tells what a record holds.
   */
  last(
    topic: string,
    side: 'key' | 'value',
    count: number,
    reader: { readonly principal: string; readonly host: string },
  ): Promise<readonly { readonly place: string; readonly bytes: Uint8Array }[] | null>;
}

const RECORDS_DEFAULT = 1000;
const RECORDS_MAX = 10_000;
/** Refused records that are named; the rest is counted. */
const EXAMPLES_MAX = 5;

export function explainRoutes(core: RegistryCore, records: RecordSource | null): Route[] {
  return [
    {
      method: 'GET',
      path: '/subjects/:subject/versions/:version/changes',
      handle: (request) => changes(core, request),
    },
    { method: 'POST', path: '/subjects/:subject/try', handle: (request) => tried(core, records, request) },
  ];
}

/** From the version before, or from the one that `from` names. */
async function changes(core: RegistryCore, request: RestRequest): Promise<object> {
  const { subject = '', version = '' } = request.params;
  const after = core.version(subject, version, { deleted: true });
  const wanted = text(request, 'from');
  const before =
    wanted === ''
      ? core.versions(subject, { deleted: true }).findLast((each) => each.version < after.version)
      : core.version(subject, wanted, { deleted: true });
  if (before === undefined) return { from: null, to: after.version };
  return { from: before.version, to: after.version, ...(await core.explain(before, after)) };
}

async function tried(core: RegistryCore, records: RecordSource | null, request: RestRequest): Promise<object> {
  const { subject = '' } = request.params;
  const asked = registerRequest(request);
  const latest = latestOf(core, subject);
  const { isCompatible, messages, sound } = await core.checkCompatibility(subject, null, asked, { normalize: false });
  return {
    against: latest?.version ?? null,
    level: core.compatibilityLevel(subject),
    is_compatible: isCompatible,
    messages,
    ...(sound === null ? {} : { verdict: sound }),
    ...(latest === null ? {} : await core.explain(latest, asked)),
    records: await onRecords(core, records, request, asked),
  };
}

function latestOf(core: RegistryCore, subject: string): SchemaVersion | null {
  const exists = core.subjects().includes(core.subjectFor(subject));
  return exists ? core.version(subject, 'latest') : null;
}

async function onRecords(
  core: RegistryCore,
  records: RecordSource | null,
  request: RestRequest,
  asked: RegisterRequest,
): Promise<object | null> {
  const { subject = '' } = request.params;
  const named = /^(.+)-(key|value)$/.exec(parseSubjectName(core.subjectFor(subject)).subject);
  const topic = text(request, 'topic') || named?.[1];
  const side = named?.[2] === 'key' ? 'key' : 'value';
  const reader = { principal: request.access.principal, host: request.host };
  if (records === null || topic === undefined || asked.schemaType !== 'JSON') return null;
  const found = await records.last(topic, side, countOf(request), reader);
  if (found === null) return null;
  const reasons = await core.refusals(
    subject,
    asked,
    found.map(({ bytes }) => bytes),
  );
  const refused = found.flatMap(({ place }, index) => {
    const reason = reasons[index] ?? null;
    return reason === null ? [] : [{ place, reason }];
  });
  return { topic, side, tried: found.length, refused: refused.length, examples: refused.slice(-EXAMPLES_MAX) };
}

function countOf(request: RestRequest): number {
  const given = text(request, 'last');
  if (given === '') return RECORDS_DEFAULT;
  const count = Number(given);
  if (Number.isInteger(count) && count >= 0 && count <= RECORDS_MAX) return count;
  throw errors.badBody(`The query parameter last is '${given.slice(0, 50)}', not a number from 0 to ${RECORDS_MAX}.`);
}
