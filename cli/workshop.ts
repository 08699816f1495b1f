/**
 * Hands the runtime's tools for connector files (lint, schema, preview, test) to commands that need no running worker.
 *
 * Beside up.ts the only file of the command line that introduces rooms to each other (docs/decisions/0007): the tools
 * know no plugin, and the commands know neither. Everything is imported when a command asks for it.
 */
import type { Command } from 'commander';
import type { SchemaRegistry } from '../connectors/api/index.ts';
import type { AskRegistry } from '../connectors/converters/registry-http.ts';
import type { ChainTrace, StageTrace } from '../runtime/declarative/chain-trace.ts';
import type { Change, RunningConnector } from '../runtime/declarative/changes.ts';
import type { Reach } from '../runtime/declarative/check.ts';
import type { ConnectorFile, Finding } from '../runtime/declarative/connector-file.ts';
import type { Rules } from '../runtime/declarative/lint.ts';
import type { OfflineRegistry } from '../runtime/declarative/offline-registry.ts';
import type { Preview, PreviewedRecord } from '../runtime/declarative/preview.ts';
import type { PluginFailure } from '../runtime/plugins/load.ts';
import { notice } from './io.ts';
import { settle } from './up-settings.ts';

export { type Cel, celProblem, openCel } from '../connectors/transforms/cel.ts';
export type {
  ChainTrace,
  Change,
  RunningConnector,
  ConnectorFile,
  Finding,
  OfflineRegistry,
  Preview,
  PreviewedRecord,
  Reach,
  Rules,
  StageTrace,
};

export interface WorkshopFlags {
  readonly config?: string;
  /** Plugins beside those of the settings. */
  readonly plugin?: readonly string[];
}

/** Declares `--config`: the settings file whose section `worker` counts here too. */
export function withWorkshop(command: Command): Command {
  return command
    .option('--config <file>', 'settings as for `up`: plugin.path, converters (./millrace.json if there)')
    .option('--plugin <path>', 'a plugin beside those of plugin.path; may repeat', (path, all: string[] = []) => [
      ...all,
      path,
    ]);
}

/** The plugins there are, those that could not be loaded, and the worker's keys, as `up` would have them. */
export async function loadedRules(
  flags: WorkshopFlags,
): Promise<Rules & { readonly failures: readonly PluginFailure[] }> {
  const { worker } = settle(flags);
  const [{ catalogue }, { Plugins }, { loadPluginPath }, { withDefaults }] = await Promise.all([
    import('../connectors/catalogue.ts'),
    import('../runtime/worker/plugins.ts'),
    import('../runtime/plugins/load.ts'),
    import('../runtime/worker/defaults.ts'),
  ]);
  const path = (worker['plugin.path'] ?? '').split(/\s*,\s*/).filter((entry) => entry !== '');
  const { plugins, failures } = await loadPluginPath(path);
  const sentences = failures.map(({ error }) => error.message);
  return { plugins: new Plugins([...catalogue, ...plugins], sentences), worker: withDefaults(worker), failures };
}

/** As {@link loadedRules}, with the failures told. */
export async function rulesOf(flags: WorkshopFlags): Promise<Rules> {
  const { failures, ...rules } = await loadedRules(flags);
  for (const { error } of failures) notice(error.message);
  return rules;
}

/** The module that makes `import … from 'millrace'` mean this house, for `node --import`. */
export const registerUrl = new URL(
  `../runtime/plugins/register.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`,
  import.meta.url,
).href;

/** As {@link rulesOf}, with what resolves references, for commands that look at the world. */
export async function reachOf(flags: WorkshopFlags): Promise<Reach> {
  const [rules, { ConfigProviders }, { workerKeys }, { parseConfig }] = await Promise.all([
    rulesOf(flags),
    import('../runtime/worker/config-providers.ts'),
    import('../runtime/worker/keys.ts'),
    import('../connectors/api/index.ts'),
  ]);
  const { config } = parseConfig(workerKeys, rules.worker);
  return { ...rules, providers: new ConfigProviders(config.list('config.providers'), rules.worker, process.env) };
}

/** The registry at an address, asked but never told. */
export async function offlineRegistry(urls: readonly string[]): Promise<OfflineRegistry> {
  const { OfflineRegistry: Offline } = await import('../runtime/declarative/offline-registry.ts');
  return new Offline(urls.length === 0 ? null : await liveRegistry(urls));
}

/** The registry at an address, asked and told. Its keys may come from a file (`--registry-config`). */
export async function liveRegistry(urls: readonly string[], keys: RegistryKeys = {}): Promise<SchemaRegistry> {
  const { access, httpRegistry } = await registryTools(urls, keys);
  return httpRegistry(access);
}

/** One request to the registry at an address, whatever its answer. */
export async function registryAsker(url: string, keys: RegistryKeys): Promise<AskRegistry> {
  const { access, askRegistry } = await registryTools([url], keys);
  return askRegistry({ ...access, headers: { 'user-agent': COMMAND_LINE, ...access.headers } });
}

/** As who the commands are known to a registry; what they registered or read is in nobody's use for that. */
export const COMMAND_LINE = 'millrace command line';

/** Confluent's client keys: `basic.auth.user.info`, `bearer.auth.token`, `schema.registry.ssl.truststore.location` … */
export type RegistryKeys = Readonly<Record<string, string>>;

async function registryTools(urls: readonly string[], keys: RegistryKeys) {
  const [{ registryAccess, registryAccessKeys }, http, { ConfigError, parseConfig }] = await Promise.all([
    import('../connectors/converters/registry-access.ts'),
    import('../connectors/converters/registry-http.ts'),
    import('../connectors/api/index.ts'),
  ]);
  const { config, problems } = parseConfig(registryAccessKeys, { ...keys, 'schema.registry.url': urls.join(',') });
  if (problems.length > 0) throw new ConfigError(problems);
  return { access: registryAccess(config), ...http };
}

/** What can be done with schemas without a registry. */
export async function schemaTools() {
  const [diff, infer, lint, clients] = await Promise.all([
    import('../schemas/tools/diff.ts'),
    import('../schemas/tools/infer.ts'),
    import('../schemas/tools/lint.ts'),
    import('../schemas/tools/typed-clients.ts'),
  ]);
  return { ...diff, ...infer, ...lint, ...clients };
}

/** A function that throws, with the reason, for a value that does not fit the schema. */
export async function schemaValidator(text: string, references: readonly { name: string; text: string }[]) {
  const { compileSchema } = await import('../connectors/converters/json-schema-validator.ts');
  return compileSchema(text, 'the schema', new Map(references.map((each) => [each.name, each.text])));
}

/** The tools themselves. */
export async function tools() {
  const [files, lint, schema] = await Promise.all([
    import('../runtime/declarative/connector-file.ts'),
    import('../runtime/declarative/lint.ts'),
    import('../runtime/declarative/editor-schema.ts'),
  ]);
  return { ...files, ...lint, ...schema };
}

export async function changeTools() {
  return import('../runtime/declarative/changes.ts');
}

/** Those that run plugins. */
export async function liveTools() {
  const [check, preview, test, chain] = await Promise.all([
    import('../runtime/declarative/check.ts'),
    import('../runtime/declarative/preview.ts'),
    import('../runtime/declarative/config-test.ts'),
    import('../runtime/declarative/chain-trace.ts'),
  ]);
  return { ...check, ...preview, ...test, ...chain };
}

/** The judge of what a file sink wrote. */
export async function fileTools() {
  return import('../connectors/file/sink/verify.ts');
}
