/**
 * The registry's endpoints, path for path as in Confluent's API: each a line of route and what it asks the core.
 *
 * Handlers answer plain values; rest/server.ts makes HTTP of them. docs/registry.md lists each with its status.
 */
import type { RegistryCore } from '../core.ts';
import { errors, type RegistryError } from '../errors.ts';
import type { Mode, RegisterRequest, SchemaVersion } from '../model.ts';
import type { ConfigChange } from '../settings.ts';
import type { SoundAnswer } from '../sound/answer.ts';
import type { SchemaEntry } from '../state.ts';
import { assertValidContext, canonicalName, contextOf, inContext } from '../subject-name.ts';
import type { SchemaUsage, UseKind } from '../usage.ts';
import { contextNamed } from './contexts.ts';
import { explainRoutes, type RecordSource } from './explain-routes.ts';
import { exporterRoutes } from './exporter-routes.ts';
import { foundTags, inFormat, presented } from './presentation.ts';
import { bodyObject, flag, listOf, paged, type RestRequest, registerRequest, text } from './request.ts';
import { configShape, JsonText, registeredShape, schemaShape, versionShape } from './shapes.ts';
import { tagVersion, withRequestedTags } from './tag-routes.ts';
import { usageRoutes } from './usage-routes.ts';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly handle: (request: RestRequest) => unknown;
}

/** What the server can register; Protobuf is refused with 42201. */
const SCHEMA_TYPES = ['JSON', 'AVRO'];
/** The release whose API this is. */
const API_VERSION = '8.1.1';
/** Confluent's bound on a schema search. */
const MAX_LISTED = 1000;

export function routes(core: RegistryCore, usage: SchemaUsage, records: RecordSource | null = null): readonly Route[] {
  return [
    ...subjectRoutes(core, usage),
    ...versionRoutes(core),
    ...schemaRoutes(core, usage),
    ...compatibilityRoutes(core),
    ...configRoutes(core),
    ...modeRoutes(core),
    ...serverRoutes(core),
    ...exporterRoutes,
    ...usageRoutes(core, usage),
    ...explainRoutes(core, records),
  ];
}

function get(path: string, handle: Route['handle']): Route {
  return { method: 'GET', path, handle };
}
function post(path: string, handle: Route['handle']): Route {
  return { method: 'POST', path, handle };
}
function put(path: string, handle: Route['handle']): Route {
  return { method: 'PUT', path, handle };
}
function del(path: string, handle: Route['handle']): Route {
  return { method: 'DELETE', path, handle };
}

function filterOf(request: RestRequest): { deleted: boolean; deletedOnly: boolean } {
  return { deleted: flag(request, 'deleted'), deletedOnly: flag(request, 'deletedOnly') };
}

function param(request: RestRequest, name: string): string {
  return request.params[name] ?? '';
}

function subjectRoutes(core: RegistryCore, usage: SchemaUsage): Route[] {
  return [
    get('/subjects', (request) => {
      const prefix = request.query.subjectPrefix === undefined ? {} : { prefix: text(request, 'subjectPrefix') };
      return paged(request, core.subjects({ ...filterOf(request), ...prefix }).filter(isReadable(request)));
    }),
    post('/subjects/:subject', async (request) => {
      const options = { normalize: flag(request, 'normalize'), deleted: flag(request, 'deleted') };
      const asked = registerRequest(request);
      assertReadable(request, asked);
      const version = seenBy(request, await core.lookup(param(request, 'subject'), asked, options));
      saw(usage, 'registered', version, request);
      return versionShape(inFormat(core, version, request), request);
    }),
    del('/subjects/:subject', (request) => core.deleteSubject(param(request, 'subject'), flag(request, 'permanent'))),
    get('/subjects/:subject/metadata', (request) =>
      versionShape(inFormat(core, latestWithMetadata(core, request), request), request),
    ),
    get('/subjects/:subject/versions', (request) => {
      const subject = param(request, 'subject');
      const asNegative = flag(request, 'deletedAsNegative');
      const found = core.versions(subject, filterOf(request));
      const all = asNegative ? core.versions(subject, { deleted: true }) : found;
      return paged(
        request,
        all.map(({ version, deleted }) => (asNegative && deleted ? -version : version)),
      );
    }),
    post('/subjects/:subject/versions', async (request) => {
      const asked = registerRequest(request);
      assertReadable(request, asked);
      let sound: SoundAnswer | null = null;
      const tagged = withRequestedTags(request, asked);
      const version = await core.register(param(request, 'subject'), tagged.asked, {
        normalize: flag(request, 'normalize'),
        force: flag(request, 'force'),
        isTagged: tagged.isTagged,
        propagatesTags: bodyObject(request).propagateSchemaTags === true,
        onSound: (answer) => {
          sound = answer;
        },
      });
      saw(usage, 'registered', version, request);
      return registeredShape(inFormat(core, version, request), request, sound);
    }),
  ];
}

/** What a schema refers to becomes part of it, so it must be readable for whoever registers it. */
function assertReadable(request: RestRequest, { references }: RegisterRequest): void {
  const context = contextOf(param(request, 'subject'));
  for (const { subject } of references ?? []) request.access.require('read', inContext(context, subject));
}

function saw(usage: SchemaUsage, use: UseKind, { subject, id }: SchemaVersion, request: RestRequest): void {
  usage.saw(use, contextOf(subject), id, request.client, null);
}

/** What was found may be in another context than was asked for; 40301 where it may not be read there. */
function seenBy(request: RestRequest, version: SchemaVersion): SchemaVersion {
  request.access.require('read', version.subject);
  return version;
}

function isReadable(request: RestRequest): (subject: string) => boolean {
  return (subject) => request.access.may('read', subject);
}

/** By every `key` of the query that has a `value`. */
function latestWithMetadata(core: RegistryCore, request: RestRequest): SchemaVersion {
  const values = listOf(request, 'value');
  const pairs = listOf(request, 'key').slice(0, values.length);
  const properties = Object.fromEntries(pairs.map((key, index) => [key, values[index] ?? '']));
  return core.latestWithMetadata(param(request, 'subject'), properties, { deleted: flag(request, 'deleted') });
}

function versionRoutes(core: RegistryCore): Route[] {
  const version = (request: RestRequest): SchemaVersion => {
    const deleted = flag(request, 'deleted');
    return seenBy(request, core.version(param(request, 'subject'), param(request, 'version'), { deleted }));
  };
  return [
    get('/subjects/:subject/versions/:version', (request) => {
      const found = version(request);
      return { ...versionShape(presented(core, found, request), request), ...foundTags(found, request) };
    }),
    get(
      '/subjects/:subject/versions/:version/schema',
      (request) => new JsonText(inFormat(core, version(request), request).schema),
    ),
    get('/subjects/:subject/versions/:version/referencedby', (request) => {
      const { params } = request;
      const deleted = flag(request, 'deleted');
      return paged(request, core.referencedBy(params.subject ?? '', params.version ?? '', { deleted }));
    }),
    post('/subjects/:subject/versions/:version/tags', (request) => tagVersion(core, request)),
    del('/subjects/:subject/versions/:version', (request) =>
      core.deleteVersion(param(request, 'subject'), param(request, 'version'), flag(request, 'permanent')),
    ),
  ];
}

function schemaRoutes(core: RegistryCore, usage: SchemaUsage): Route[] {
  const entry = (request: RestRequest): SchemaEntry => {
    const id = idOf(request);
    return readable(request, core.byId(id, text(request, 'subject'))) ?? refuse(errors.schemaNotFound(id));
  };
  const fetched = (request: RestRequest): SchemaVersion => {
    const version = versionFor(core, entry(request), text(request, 'subject'));
    saw(usage, 'fetched', version, request);
    return version;
  };
  const versions = (request: RestRequest): SchemaVersion[] =>
    [...entry(request).versions.values()].filter(({ deleted }) => flag(request, 'deleted') || !deleted);
  const byGuid = (request: RestRequest) => {
    const found = core.byGuid(param(request, 'guid')).flatMap(({ context, entry }) => {
      const seen = readable(request, entry);
      return seen === null ? [] : [{ context, entry: seen }];
    });
    return found.length > 0 ? found : refuse(errors.schemaNotFound(param(request, 'guid')));
  };
  return [
    get('/schemas', (request) => listedSchemas(core, request)),
    get('/schemas/types', () => SCHEMA_TYPES),
    get('/schemas/ids/:id', (request) => {
      const subject = text(request, 'subject');
      const found = fetched(request);
      return {
        ...schemaShape(presented(core, found, request), subject !== '', request),
        ...foundTags(found, request),
        ...(flag(request, 'fetchMaxId') ? { maxId: core.maxId(found.subject) } : {}),
      };
    }),
    get('/schemas/ids/:id/schema', (request) => {
      const version = versionFor(core, entry(request), text(request, 'subject'));
      return new JsonText(inFormat(core, version, request).schema);
    }),
    get('/schemas/ids/:id/subjects', (request) =>
      paged(request, [...new Set(versions(request).map(({ subject }) => subject))].sort()),
    ),
    get('/schemas/ids/:id/versions', (request) =>
      paged(
        request,
        versions(request).map(({ subject, version }) => ({ subject, version })),
      ),
    ),
    get('/schemas/guids/:guid', (request) => {
      const found = versionFor(core, byGuid(request)[0]!.entry, '');
      saw(usage, 'fetched', found, request);
      return schemaShape(inFormat(core, found, request), false, request);
    }),
    get('/schemas/guids/:guid/ids', (request) =>
      byGuid(request).map(({ context, entry }) => ({ context, id: entry.id })),
    ),
  ];
}

/** `GET /schemas`: by prefix (the default context's where none is given), with other names of subjects where asked for. */
function listedSchemas(core: RegistryCore, request: RestRequest): readonly object[] {
  const prefix = text(request, 'subjectPrefix');
  const filter = { deleted: flag(request, 'deleted') };
  const aliases = flag(request, 'aliases') ? core.aliases(prefix) : new Map<string, readonly string[]>();
  const elsewhere = [...aliases.keys()].filter((subject) =>
    core.subjects({ ...filter, prefix: subject }).includes(subject),
  );
  const subjects = [...new Set([...core.subjects({ ...filter, prefix }), ...elsewhere])].sort();
  const latestOnly = flag(request, 'latestOnly');
  const all = subjects.filter(isReadable(request)).flatMap((subject) => {
    const found = core.versionsOf(subject, filter);
    return (latestOnly ? found.slice(-1) : found).filter(hasRuleOf(text(request, 'ruleType')));
  });
  return paged(request, all, MAX_LISTED).map((version) => {
    const names = aliases.get(version.subject)?.filter(isReadable(request)) ?? [];
    return { ...versionShape(version, request), ...(names.length === 0 ? {} : { aliases: names }) };
  });
}

/** Of the versions that carry an id the one of the subject named, else the first. */
function versionFor(core: RegistryCore, { versions }: SchemaEntry, name: string): SchemaVersion {
  const all = [...versions.values()];
  const subject = name === '' ? '' : canonicalName(core.subjectFor(name));
  const ofSubject = all.findLast(
    (version) => version.subject === subject || version.subject === inContext(contextOf(version.subject), subject),
  );
  return ofSubject ?? all[0]!;
}

/** `ruleType`: versions with a rule of that type, `domain`, `migration` or `encoding` for a whole list. */
function hasRuleOf(wanted: string): (version: SchemaVersion) => boolean {
  if (wanted === '') return () => true;
  return ({ ruleSet }) => {
    const lists = {
      MIGRATION: ruleSet?.migrationRules ?? [],
      DOMAIN: ruleSet?.domainRules ?? [],
      ENCODING: ruleSet?.encodingRules ?? [],
    };
    const list = lists[wanted.toUpperCase() as keyof typeof lists];
    if (list !== undefined) return list.length > 0;
    return Object.values(lists).some((rules) => rules.some(({ type }) => type?.toUpperCase() === wanted.toUpperCase()));
  };
}

/** A schema with those of its versions that may be read; null, as if it were not there, when none may. */
function readable(request: RestRequest, entry: SchemaEntry): SchemaEntry | null {
  const seen = [...entry.versions].filter(([, { subject }]) => request.access.may('read', subject));
  if (seen.length === entry.versions.size) return entry;
  return seen.length === 0 ? null : { ...entry, versions: new Map(seen) };
}

function refuse(error: RegistryError): never {
  throw error;
}

/** What is no number is no such page, as Confluent's router has it. */
function idOf(request: RestRequest): number {
  const id = param(request, 'id');
  if (!/^-?\d+$/.test(id) || Math.abs(Number(id)) > 2 ** 31 - 1) throw errors.pageNotFound();
  return Number(id);
}

function compatibilityRoutes(core: RegistryCore): Route[] {
  const check = (token: (request: RestRequest) => string | null) => async (request: RestRequest) => {
    const normalize = flag(request, 'normalize');
    const subject = param(request, 'subject');
    const asked = registerRequest(request);
    assertReadable(request, asked);
    const { isCompatible, messages, sound } = await core
      .checkCompatibility(subject, token(request), asked, { normalize })
      .catch((error) => {
        // Asked for reasons, an unsound schema is one.
        if (flag(request, 'verbose') && error.errorCode === 42201)
          return { isCompatible: false, messages: [error.message], sound: null };
        throw error;
      });
    if (!flag(request, 'verbose')) return { is_compatible: isCompatible };
    return { is_compatible: isCompatible, messages, ...(request.takesExtras && sound !== null ? { sound } : {}) };
  };
  return [
    post(
      '/compatibility/subjects/:subject/versions/:version',
      check((request) => param(request, 'version')),
    ),
    post(
      '/compatibility/subjects/:subject/versions',
      check(() => null),
    ),
  ];
}

function configRoutes(core: RegistryCore): Route[] {
  const subjectOf = (request: RestRequest): string | null => request.params.subject ?? null;
  const handlers = (path: string): Route[] => [
    get(path, (request) => configShape(core.config(subjectOf(request), flag(request, 'defaultToGlobal')))),
    put(path, async (request) => {
      const body = bodyObject(request);
      const { compatibility, compatibilityLevel = compatibility, ...rest } = body;
      await core.putConfig(subjectOf(request), {
        ...rest,
        compatibilityLevel: upperCase(compatibilityLevel),
      } as ConfigChange);
      return body;
    }),
    del(path, async (request) => configShape(await core.deleteConfig(subjectOf(request)))),
  ];
  return [...handlers('/config'), ...handlers('/config/:subject')];
}

function upperCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toUpperCase() : value;
}

function modeRoutes(core: RegistryCore): Route[] {
  const subjectOf = (request: RestRequest): string | null => request.params.subject ?? null;
  const handlers = (path: string): Route[] => [
    get(path, (request) => ({ mode: core.mode(subjectOf(request), flag(request, 'defaultToGlobal')) })),
    put(path, async (request) => {
      const mode = upperCase(bodyObject(request).mode) ?? null;
      return modeShape(await core.putMode(subjectOf(request), mode, flag(request, 'force')));
    }),
    del(path, async (request) => modeShape(await core.deleteMode(subjectOf(request), flag(request, 'recursive')))),
  ];
  return [...handlers('/mode'), ...handlers('/mode/:subject')];
}

function modeShape(mode: Mode | null): object {
  return mode === null ? {} : { mode };
}

function serverRoutes(core: RegistryCore): Route[] {
  const clusters = { 'kafka-cluster': 'millrace', 'schema-registry-cluster': 'schema-registry' };
  return [
    get('/', () => ({})),
    post('/', () => ({})),
    get('/contexts', (request) => {
      const prefix = text(request, 'contextPrefix');
      return paged(
        request,
        core.contexts().filter((context) => context.startsWith(prefix)),
      );
    }),
    del('/contexts/:context', (request) => {
      const named = param(request, 'context');
      return core.deleteContext(contextNamed(named) ?? named);
    }),
    get('/v1/metadata/id', () => ({ scope: { path: [], clusters } })),
    get('/v1/metadata/version', () => ({ version: API_VERSION, commitId: 'millrace' })),
    get('/v1/metadata/deployment', () => ({ attributes: [] })),
    get('/invalid-context/:context', (request) => assertValidContext(param(request, 'context'))),
    get('/_health', () => ({ status: { schema_registry_ready: true } })),
    get('/master_available', () => ({ master_available: true })),
  ];
}
