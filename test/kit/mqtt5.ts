/**
 * A small MQTT 5 (and 3.1.1) broker in this process that misbehaves on demand: acknowledgements that get lost, refusals,
 * disconnects with a reason, windows it keeps or overruns, topic aliases, sessions that expire, redelivery with and without
 * DUP, slowness, half packets. For tests; `mqtt.ts` has real brokers.
 *
 * Packets are read and written by mqtt-packet. Sessions live in memory: `halt` and `resume` keep them, `forget` loses them.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type ISubscribePacket, type Packet } from 'mqtt-packet';

/** What the broker does wrong; members may be changed at any time. */
export interface Faults {
  /** Answers CONNECT with this reason code; 0 accepts. */
  refuse: number;
  /** Answers SUBSCRIBE to filters that begin with this with reason code 135 (not authorised). */
  forbid: string | null;
  /** Acknowledgements from subscribers that get lost on the way, as if they had never been sent. */
  losePubacks: boolean;
  /** Leaves publishers without an answer to QoS 1. */
  withholdPubacks: boolean;
  /** The reason code of PUBACKs to publishers (128 and above: refused). */
  pubackReason: number;
  /** Marks redelivered messages, as the standard asks. */
  marksRedelivery: boolean;
  /** Sends more than the client's Receive Maximum. */
  overruns: boolean;
  /** Milliseconds before each packet to a client. */
  delayMs: number;
  /** Sends the topic as an alias from its second message on. */
  usesAliases: boolean;
  /** Receive Maximum that CONNACK tells publishers. */
  receiveMaximum: number | null;
  /** Cuts the connection in the middle of the next PUBLISH to a subscriber. */
  halvesNextPublish: boolean;
}

interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

class Session {
  readonly clientId: string;
  readonly filters = new Map<string, { qos: number; nl: boolean }>();
  readonly queue: Message[] = [];
  /** Sent and not acknowledged, in the order of sending. */
  readonly inFlight = new Map<number, Message>();
  expiryS = 0;
  expiresAt = Number.POSITIVE_INFINITY;
  connection: Connection | null = null;
  #lastId = 0;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  nextId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1;
    while (this.inFlight.has(this.#lastId));
    return this.#lastId;
  }
}

class Connection {
  readonly socket: Socket;
  session: Session | null = null;
  version = 4;
  receiveMaximum = 65_535;
  /** Topics the client lets us shorten. */
  aliasMaximum = 0;
  will: Message | null = null;
  readonly aliases = new Map<string, number>();
  pubacks = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }
}

export class FaultyMqttBroker {
  readonly faults: Faults = {
    refuse: 0,
    forbid: null,
    losePubacks: false,
    withholdPubacks: false,
    pubackReason: 0,
    marksRedelivery: true,
    overruns: false,
    delayMs: 0,
    usesAliases: false,
    receiveMaximum: null,
    halvesNextPublish: false,
  };
  /** What clients have published, in order. */
  readonly received: Message[] = [];
  /** Messages that were left without an answer. */
  unanswered = 0;
  /** CONNECT packets, in order. */
  readonly connects: IConnectPacket[] = [];
  /** SUBSCRIBE and UNSUBSCRIBE, as "client +filter" and "client -filter". */
  readonly subscriptions: string[] = [];
  readonly sessions = new Map<string, Session>();
  readonly #connections = new Set<Connection>();
  readonly #retained = new Map<string, Message>();
  readonly #turns = new Map<string, number>();
  #server: Server | null = null;
  port = 0;

  static async start(): Promise<FaultyMqttBroker> {
    const broker = new FaultyMqttBroker();
    await broker.resume();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Messages queued or in flight for this client. */
  owed(clientId: string): number {
    const session = this.sessions.get(clientId);
    return session === undefined ? 0 : session.queue.length + session.inFlight.size;
  }

  /** Packet ids in flight to this client. */
  inFlight(clientId: string): number[] {
    return [...(this.sessions.get(clientId)?.inFlight.keys() ?? [])];
  }

  isConnected(clientId: string): boolean {
    return this.sessions.get(clientId)?.connection != null;
  }

  /** Publishes as some other client would. */
  publish(topic: string, payload: string | Buffer, options: { qos?: 0 | 1; retain?: boolean } = {}): void {
    this.#route({
      topic,
      payload: Buffer.from(payload as string),
      qos: options.qos ?? 1,
      retain: options.retain ?? false,
    });
  }

  /** Cuts one client, or all, without a word. */
  cut(clientId?: string): void {
    for (const connection of this.#connections) {
      if (clientId === undefined || connection.session?.clientId === clientId) connection.socket.destroy();
    }
  }

  /** Says goodbye to all with a reason code (MQTT 5), then cuts. */
  disconnect(reasonCode: number): void {
    for (const connection of this.#connections) {
      if (connection.version === 5) this.#send(connection, { cmd: 'disconnect', reasonCode } as Packet);
      connection.socket.end();
    }
  }

  /** Loses every session, as a broker without persistence does when it is restarted. */
  forget(): void {
    this.cut();
    this.sessions.clear();
  }

  async halt(): Promise<void> {
    this.cut();
    const server = this.#server;
    this.#server = null;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  async resume(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as { port: number }).port;
    this.#server = server;
  }

  #serve(socket: Socket): void {
    const connection = new Connection(socket);
    this.#connections.add(connection);
    // Its types do not say that a parser learns the version of MQTT from the CONNECT it reads.
    const parser = mqttPacket.parser();
    parser.on('packet', (packet: Packet) => this.#take(connection, packet));
    parser.on('error', () => socket.destroy());
    socket.on('data', (bytes) => parser.parse(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(connection));
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    const { session, will } = connection;
    if (session?.connection === connection) {
      session.connection = null;
      session.expiresAt = Date.now() + session.expiryS * 1000;
      if (session.expiryS === 0) this.sessions.delete(session.clientId);
    }
    if (will !== null) this.#route(will);
  }

  #take(connection: Connection, packet: Packet): void {
    switch (packet.cmd) {
      case 'connect':
        this.#connect(connection, packet);
        return;
      case 'subscribe':
        this.#subscribe(connection, packet);
        return;
      case 'unsubscribe':
        for (const filter of packet.unsubscriptions) {
          connection.session!.filters.delete(filter);
          this.subscriptions.push(`${connection.session!.clientId} -${filter}`);
        }
        this.#send(connection, {
          cmd: 'unsuback',
          messageId: packet.messageId!,
          granted: packet.unsubscriptions.map(() => 0),
        });
        return;
      case 'publish':
        this.#published(connection, packet);
        return;
      case 'puback':
        if (this.faults.losePubacks) return;
        connection.pubacks++;
        connection.session!.inFlight.delete(packet.messageId!);
        this.#pump(connection.session!);
        return;
      case 'pingreq':
        // An answer would say that the acknowledgements before it have arrived.
        if (!this.faults.losePubacks) this.#send(connection, { cmd: 'pingresp' });
        return;
      case 'disconnect':
        this.#goodbye(connection, packet.properties?.sessionExpiryInterval);
        return;
    }
  }

  #goodbye(connection: Connection, expiryS: number | undefined): void {
    connection.will = null;
    if (expiryS !== undefined && connection.session !== null) connection.session.expiryS = expiryS;
    connection.socket.end();
  }

  #connect(connection: Connection, packet: IConnectPacket): void {
    this.connects.push(packet);
    connection.version = packet.protocolVersion ?? 4;
    if (this.faults.refuse !== 0) {
      this.#send(connection, {
        cmd: 'connack',
        reasonCode: this.faults.refuse,
        returnCode: this.faults.refuse,
        sessionPresent: false,
      });
      connection.socket.end();
      return;
    }
    const { session, isPresent } = this.#sessionFor(packet);
    session.connection?.socket.destroy();
    session.connection = connection;
    connection.session = session;
    connection.receiveMaximum = packet.properties?.receiveMaximum ?? 65_535;
    connection.aliasMaximum = packet.properties?.topicAliasMaximum ?? 0;
    const { will } = packet;
    if (will !== undefined) {
      connection.will = {
        topic: will.topic,
        payload: Buffer.from(will.payload as string),
        qos: 1,
        retain: will.retain === true,
      };
    }
    const { receiveMaximum } = this.faults;
    const properties = connection.version === 5 && receiveMaximum !== null ? { properties: { receiveMaximum } } : {};
    this.#send(connection, { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: isPresent, ...properties });
    for (const [id, message] of session.inFlight) this.#deliver(connection, message, id, this.faults.marksRedelivery);
    this.#pump(session);
  }

  #sessionFor(packet: IConnectPacket): { session: Session; isPresent: boolean } {
    let session = this.sessions.get(packet.clientId);
    const isPresent = session !== undefined && packet.clean !== true && Date.now() < session.expiresAt;
    if (session === undefined || !isPresent) session = new Session(packet.clientId);
    const isPersistent = packet.protocolVersion !== 5 && packet.clean === false;
    session.expiryS = packet.properties?.sessionExpiryInterval ?? (isPersistent ? 3600 : 0);
    session.expiresAt = Number.POSITIVE_INFINITY;
    this.sessions.set(packet.clientId, session);
    return { session, isPresent };
  }

  #subscribe(connection: Connection, packet: ISubscribePacket): void {
    const session = connection.session!;
    const granted = packet.subscriptions.map(({ topic, qos, nl }) => {
      if (this.faults.forbid !== null && topic.startsWith(this.faults.forbid))
        return connection.version === 5 ? 135 : 128;
      session.filters.set(topic, { qos, nl: nl === true });
      this.subscriptions.push(`${session.clientId} +${topic}`);
      return Math.min(qos, 1);
    });
    this.#send(connection, { cmd: 'suback', messageId: packet.messageId!, granted });
    for (const message of this.#retained.values()) {
      if (packet.subscriptions.some(({ topic }) => matches(topic, message.topic))) {
        session.queue.push({ ...message, retain: true });
      }
    }
    this.#pump(session);
  }

  #published(connection: Connection, packet: IPublishPacket): void {
    const message: Message = {
      topic: packet.topic,
      payload: Buffer.from(packet.payload as Buffer),
      qos: packet.qos === 0 ? 0 : 1,
      retain: packet.retain,
    };
    const reasonCode = this.faults.pubackReason;
    if (packet.qos === 1 && this.faults.withholdPubacks) {
      this.unanswered++;
      return;
    }
    if (packet.qos === 1) this.#send(connection, { cmd: 'puback', messageId: packet.messageId!, reasonCode });
    if (reasonCode >= 128) return;
    this.received.push(message);
    this.#route(message, connection.session);
  }

  /** To every session that wants it; to one member of each shared subscription. */
  #route(message: Message, from: Session | null = null): void {
    if (message.retain && message.payload.length > 0) this.#retained.set(message.topic, message);
    else if (message.retain) this.#retained.delete(message.topic);
    const groups = new Map<string, Session[]>();
    for (const session of this.sessions.values()) {
      for (const [filter, { nl }] of session.filters) {
        if (!matches(filter, message.topic) || (nl && session === from)) continue;
        if (!filter.startsWith('$share/')) {
          this.#enqueue(session, message);
          break;
        }
        const members = groups.get(filter) ?? [];
        groups.set(filter, [...members, session]);
      }
    }
    for (const [group, members] of groups) {
      const turn = this.#turns.get(group) ?? 0;
      this.#turns.set(group, turn + 1);
      this.#enqueue(members[turn % members.length]!, message);
    }
  }

  #enqueue(session: Session, message: Message): void {
    if (message.qos === 0 && session.connection === null) return;
    session.queue.push({ ...message, retain: false });
    this.#pump(session);
  }

  /** Sends what the client's window has room for. */
  #pump(session: Session): void {
    const { connection } = session;
    if (connection === null) return;
    while (session.queue.length > 0) {
      if (!this.faults.overruns && session.inFlight.size >= connection.receiveMaximum) return;
      const message = session.queue.shift()!;
      if (message.qos === 0) {
        this.#deliver(connection, message, 0, false);
        continue;
      }
      const id = session.nextId();
      session.inFlight.set(id, message);
      this.#deliver(connection, message, id, false);
    }
  }

  #deliver(connection: Connection, message: Message, id: number, dup: boolean): void {
    const { topic, payload, qos, retain } = message;
    const known = connection.aliases.get(topic);
    const hasPlace = known !== undefined || connection.aliases.size < connection.aliasMaximum;
    const usesAlias = this.faults.usesAliases && connection.version === 5 && hasPlace;
    if (usesAlias && known === undefined) connection.aliases.set(topic, connection.aliases.size + 1);
    const properties = usesAlias ? { properties: { topicAlias: connection.aliases.get(topic)! } } : {};
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic: usesAlias && known !== undefined ? '' : topic,
      payload,
      qos,
      dup,
      retain,
      ...(qos === 0 ? {} : { messageId: id }),
      ...properties,
    };
    this.#send(connection, packet);
  }

  #send(connection: Connection, packet: Packet): void {
    const bytes = mqttPacket.generate(packet, { protocolVersion: connection.version } as never);
    const { socket } = connection;
    const write = (): void => {
      if (socket.destroyed) return;
      if (packet.cmd !== 'publish' || !this.faults.halvesNextPublish) {
        socket.write(bytes);
        return;
      }
      this.faults.halvesNextPublish = false;
      socket.write(bytes.subarray(0, bytes.length >> 1), () => socket.destroy());
    };
    if (this.faults.delayMs === 0) write();
    else setTimeout(write, this.faults.delayMs);
  }
}

function matches(filter: string, topic: string): boolean {
  const wanted = (filter.startsWith('$share/') ? filter.split('/').slice(2) : filter.split('/')) as string[];
  const levels = topic.split('/');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
