/**
 * Applies a folder of connector files at start: what is in a file is created or updated, what is gone is reported.
 *
 * A file is `{"name": …, "config": {…}}` as for `POST /connectors`, or the flat map with its `name`; without a name the
 * file's own name counts. One bad file stops no other.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from '../../connectors/api/index.ts';
import { isConnectorFile } from '../declarative/connector-file.ts';
import { messageOf } from '../errors.ts';
import { configOf, fieldsOf } from '../rest/body.ts';
import type { Worker } from './worker.ts';

export interface Applied {
  readonly applied: readonly string[];
  readonly failed: readonly { readonly file: string; readonly message: string }[];
  /** Connectors that a file named the last time and none names now. */
  readonly gone: readonly string[];
}

export async function applyFolder(
  worker: Worker,
  directory: string,
  options: { readonly prune: boolean; readonly logger: Logger },
): Promise<Applied> {
  const { logger, prune } = options;
  const applied: string[] = [];
  const failed: { file: string; message: string }[] = [];
  for (const file of await jsonFiles(directory)) {
    try {
      const { name, config } = await readConnector(join(directory, file));
      if (applied.includes(name)) throw new Error(`Another file in the folder is already connector "${name}".`);
      await worker.put(name, config);
      applied.push(name);
      logger.info({ file, connector: name }, `Applied connector ${name} from ${file}.`);
    } catch (error) {
      failed.push({ file, message: messageOf(error) });
      logger.error({ file }, `${file} was not applied: ${messageOf(error)}`);
    }
  }
  const { configs } = worker.services;
  const isGone = (name: string) => !applied.includes(name) && configs.config(name) !== undefined;
  const gone = configs.folder().filter(isGone);
  const mayPrune = prune && failed.length === 0;
  for (const name of gone) await dealWithGone(worker, name, mayPrune, logger);
  await configs.putFolder(mayPrune ? applied : [...applied, ...gone]);
  return { applied, failed, gone };
}

/** Pruning waits until every file could be read: a typing error must not delete a connector. */
async function dealWithGone(worker: Worker, name: string, prune: boolean, logger: Logger): Promise<void> {
  if (!prune) {
    logger.warn(
      { connector: name },
      `The file of connector ${name} is gone, the connector goes on. --prune would delete it.`,
    );
    return;
  }
  await worker.remove(name);
  logger.info({ connector: name }, `Deleted connector ${name}: its file is gone.`);
}

async function jsonFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && isConnectorFile(entry.name))
    .map(({ name }) => name)
    .sort();
}

async function readConnector(path: string): Promise<{ name: string; config: Record<string, string> }> {
  const fields = fieldsOf(JSON.parse(await readFile(path, 'utf8')), 'A connector file');
  const isWrapped = typeof fields.config === 'object' && fields.config !== null;
  // Editors read $schema; it is no key of a connector.
  const { $schema: _, ...own } = fieldsOf(isWrapped ? fields.config : fields);
  const config = configOf(own);
  const name = (isWrapped ? fields.name : undefined) ?? config.name ?? basename(path, '.json');
  return { name: String(name), config };
}
