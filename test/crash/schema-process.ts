/**
 * Broker and registry in one process for a parent that kills it: registers versions one after the other and writes snapshots
 * without a pause in between: `node schema-process.ts DIR`. Says what it found at its start and what was acknowledged, a line each.
 */
import { join } from 'node:path';
import { startBroker } from '../../broker/broker.ts';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { startRegistry } from '../../schemas/registry-server.ts';
import { errorsOnly } from './windows.ts';

const [dir = ''] = process.argv.slice(2);
const SUBJECTS = 50;

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const warnings: string[] = [];
const logger = { ...errorsOnly, warn: (_fields: object, message: string) => void warnings.push(message) };

const broker = await startBroker({ dataDir: dir, port: 0, logger: errorsOnly });
const log = inProcessLog(broker);
const snapshotFile = join(dir, 'schemas.snapshot');
const { core } = await startRegistry({ host: '127.0.0.1', port: 0, log, logger, snapshotFile });
const known = core.kept().live;
say({ known, warnings });

/** Each snapshot is another one: a version or more came since the last. */
async function writeSnapshots(): Promise<never> {
  for (;;) {
    await core.writeSnapshot();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
void writeSnapshots();
for (let next = known; ; next++) {
  await core.register(`s${next % SUBJECTS}`, { schemaType: 'JSON', schema: `{"title":"${next} ${'x'.repeat(400)}"}` });
  say({ acknowledged: next + 1 });
}
