/**
 * The broker alone, for a parent that will kill it: `node broker-process.ts DIR PORT` prints one line with its port.
 */
import { startBroker } from '../../broker/broker.ts';

const [dataDir, port] = process.argv.slice(2);
const logger = {
  debug() {},
  info() {},
  warn: (_: object, message: string) => process.stderr.write(`${message}\n`),
  error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};
const broker = await startBroker({ dataDir: dataDir!, port: Number(port), logger });
process.stdout.write(`${broker.address.port}\n`);
// The parent is gone: nobody will kill this one any more.
process.stdin.on('end', () => process.exit(0)).resume();
