/**
 * The peer in a process of its own: MQTT.js as it is meant to be used, acknowledging on receipt and storing nothing.
 * `node subscriber.ts URL CLIENT QOS MESSAGES` ends when it has them.
 */
import mqtt from 'mqtt';

const [url, clientId, , messages] = process.argv.slice(2);
let left = Number(messages);
const client = mqtt.connect(url!, { clientId: clientId!, clean: false, reconnectPeriod: 0 });
client.on('message', () => {
  if (--left === 0) client.end(false, () => process.exit(0));
});
