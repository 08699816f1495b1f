/**
 * The broker alone, for a parent that will kill it: `node broker-process.ts DIR PORT [CONFIG]` prints one line with its
 * port; CONFIG is a JSON object of the broker's keys.
 */
import { startBroker } from '../../broker/broker.ts';

const [dataDir, port, config = '{}'] = process.argv.slice(2);
const logger = {
  debug() {},
  info() {},
  warn: (_: object, message: string) => process.stderr.write(`${message}\n`),
  error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};
const broker = await startBroker({ dataDir: dataDir!, port: Number(port), logger, config: JSON.parse(config) });
process.stdout.write(`${broker.address.port}\n`);
// The parent is gone: nobody will kill this one any more.
process.stdin.on('end', () => process.exit(0)).resume();
