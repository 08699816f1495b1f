/**
 * A broker that writes to so many partitions at once and reads them back, for a parent that allows it few open files:
 * `node few-files-process.ts DIR PARTITIONS` prints how many records it read, those of earlier runs included.
 */
import { startBroker } from '../../broker/broker.ts';
import { append, batchOf, readAll } from './log.ts';

const [dataDir, count] = process.argv.slice(2);
const partitions = Number(count);
const say = (_: object, message: string) => process.stderr.write(`${message}\n`);
const broker = await startBroker({
  dataDir: dataDir!,
  port: 0,
  logger: { debug() {}, info() {}, warn: say, error: say },
});
if (broker.topics.get('t') === undefined) await broker.topics.create([{ name: 't', partitions }]);
const logs = Array.from({ length: partitions }, (_, partition) => broker.log('t', partition));
await Promise.all(logs.map((log) => append(log, batchOf({ timestamp: Date.now() }))));
let read = 0;
for (const log of logs) read += readAll(log).length;
process.stdout.write(`${read}\n`);
await broker.stop();
