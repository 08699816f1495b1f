/** Our broker alone, as a process: `node our-broker.ts <data directory> <port>`. Ends at SIGTERM. */
import { startBroker } from '../../broker/broker.ts';

const [dataDir, port] = process.argv.slice(2);
const say = (level: string) => (fields: object, message: string) => console.error(level, message, fields);
const logger = { debug: () => {}, info: () => {}, warn: say('warn'), error: say('error') };
const broker = await startBroker({ dataDir: dataDir!, port: Number(port), logger });
// The end by itself, rather than process.exit, lets --cpu-prof write its file.
process.once('SIGTERM', () => void broker.stop());
