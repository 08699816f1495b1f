/**
 * kafkajs and @platformatic/kafka as load, in a process of their own:
 * `node node-clients.ts <client> <produce|consume> <bootstrap> <topic> <records> <bytes> <acks>` prints records a second.
 */
import { Kafka, logLevel } from 'kafkajs';

const [client, what, bootstrap = '', topic = '', records, bytes, acks] = process.argv.slice(2);
const count = Number(records);
const perRequest = 500;
const inFlight = 5;
const value = Buffer.alloc(Number(bytes), 'v');
const requiredAcks = acks === 'all' ? -1 : 1;

async function kafkajsProduce(): Promise<number> {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const messages = Array.from({ length: perRequest }, () => ({ value }));
  const rate = await timed(() => requests(() => producer.send({ topic, messages, acks: requiredAcks })));
  await producer.disconnect();
  return rate;
}

async function kafkajsConsume(): Promise<number> {
  const consumer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).consumer({
    groupId: `bench-${Date.now()}`,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const rate = await new Promise<number>((resolve, reject) => {
    let seen = 0;
    let began = 0;
    const eachBatch = async ({ batch }: { batch: { messages: readonly unknown[] } }) => {
      if (seen === 0) began = performance.now();
      seen += batch.messages.length;
      if (seen >= count) resolve((seen / (performance.now() - began)) * 1000);
    };
    consumer.run({ eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return rate;
}

async function platformaticProduce(): Promise<number> {
  const { Producer } = await import('@platformatic/kafka');
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [bootstrap] });
  const messages = Array.from({ length: perRequest }, () => ({ topic, value }));
  const rate = await timed(() => requests(() => producer.send({ messages, acks: requiredAcks })));
  await producer.close();
  return rate;
}

async function platformaticConsume(): Promise<number> {
  const { Consumer } = await import('@platformatic/kafka');
  const consumer = new Consumer({ clientId: 'bench', bootstrapBrokers: [bootstrap], groupId: `bench-${Date.now()}` });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxBytes: 1 << 20 });
  let seen = 0;
  let began = 0;
  for await (const _ of stream) {
    if (seen++ === 0) began = performance.now();
    if (seen >= count) break;
  }
  const rate = (seen / (performance.now() - began)) * 1000;
  await consumer.close(true);
  return rate;
}

/** As many requests as it takes, some of them in flight at a time. */
async function requests(send: () => Promise<unknown>): Promise<void> {
  let left = Math.ceil(count / perRequest);
  const worker = async () => {
    while (left-- > 0) await send();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

async function timed(run: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await run();
  return (count / (performance.now() - began)) * 1000;
}

const drivers = {
  kafkajs: { produce: kafkajsProduce, consume: kafkajsConsume },
  platformatic: { produce: platformaticProduce, consume: platformaticConsume },
};
const rate = await drivers[client as 'kafkajs']![what as 'produce']();
// A client's own timers may hold the process.
process.stdout.write(`${rate}\n`, () => process.exit(0));
