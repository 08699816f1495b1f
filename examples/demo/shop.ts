/**
 * The shop of flow (a): a database whose customers and orders never stand still.
 *
 * Inserts, updates, deletes, key-by-key and many rows in one transaction, and now and then a transaction that is rolled
 * back and must leave no trace in the replica.
 */
import type pg from 'pg';
import { type Random, seeded } from './random.ts';

const names = [
  'Ada',
  'Björn',
  'Chloé',
  'Dilara',
  'Emre',
  'Fatima',
  'Giulia',
  'Håkon',
  'Inés',
  'Jürgen',
  'Kenji',
  'Łucja',
];
const cities = ['Hamburg', 'Malmö', 'Lyon', 'İzmir', 'Kraków', 'Torino', 'Bergen', 'Sevilla', 'Osaka', 'Graz'];
const products = [
  'anvil',
  'barrel of "best" oil',
  "carpenter's plane",
  'drill; 12 mm',
  'easel',
  'flange',
  'gear\\wheel',
];
const states = ['new', 'paid', 'packed', 'shipped', 'delivered'];

const ddl = `
CREATE TABLE customers (
  id integer PRIMARY KEY,
  name text NOT NULL,
  city text,
  vip boolean NOT NULL DEFAULT false,
  changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE orders (
  id bigint PRIMARY KEY,
  customer_id integer NOT NULL,
  product text NOT NULL,
  quantity integer NOT NULL,
  amount numeric(12,2) NOT NULL,
  state text NOT NULL,
  ordered_on date NOT NULL,
  note text
);`;

export interface Shop {
  /** One transaction of random size and kind. Resolves when it is committed (or, on purpose, rolled back). */
  change(): Promise<void>;
  /** Row changes committed so far, the first rows included. */
  readonly changes: () => number;
}

/** Creates the tables and the first rows; `change` goes on from there. The client is borrowed. */
export async function openShop(client: pg.Client, options: { seed: number; customers: number }): Promise<Shop> {
  const shop = new ChangingShop(client, seeded(options.seed));
  await client.query(ddl);
  await shop.stock(options.customers);
  return { change: () => shop.change(), changes: () => shop.changes };
}

class ChangingShop {
  readonly #client: pg.Client;
  readonly #random: Random;
  readonly #customers: number[] = [];
  readonly #orders: number[] = [];
  #lastCustomer = 0;
  #lastOrder = 0;
  changes = 0;

  constructor(client: pg.Client, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  async stock(customers: number): Promise<void> {
    await this.#transaction(async () => {
      for (let i = 0; i < customers; i++) await this.#addCustomer();
      for (let i = 0; i < customers * 2; i++) await this.#addOrder();
    });
  }

  async change(): Promise<void> {
    const steps = this.#random.chance(0.1) ? 20 : 1 + this.#random.below(4);
    const isRolledBack = this.#random.chance(0.05);
    const before = { customers: [...this.#customers], orders: [...this.#orders], changes: this.changes };
    await this.#transaction(async () => {
      for (let i = 0; i < steps; i++) await this.#step();
    }, isRolledBack);
    if (!isRolledBack) return;
    this.#customers.splice(0, Number.POSITIVE_INFINITY, ...before.customers);
    this.#orders.splice(0, Number.POSITIVE_INFINITY, ...before.orders);
    this.changes = before.changes;
  }

  async #transaction(work: () => Promise<void>, isRolledBack = false): Promise<void> {
    await this.#client.query('BEGIN');
    await work();
    await this.#client.query(isRolledBack ? 'ROLLBACK' : 'COMMIT');
  }

  #step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.1) return this.#addCustomer();
    if (dice < 0.25) return this.#changeCustomer();
    if (dice < 0.6) return this.#addOrder();
    if (dice < 0.92) return this.#advanceOrder();
    return this.#removeOrder();
  }

  async #addCustomer(): Promise<void> {
    const id = ++this.#lastCustomer;
    const city = this.#random.chance(0.2) ? null : this.#random.pick(cities);
    await this.#run('INSERT INTO customers (id, name, city) VALUES ($1, $2, $3)', [id, this.#name(), city]);
    this.#customers.push(id);
  }

  async #changeCustomer(): Promise<void> {
    const values = [this.#random.pick(this.#customers), this.#random.pick(cities), this.#random.chance(0.3)];
    await this.#run('UPDATE customers SET city = $2, vip = $3, changed_at = clock_timestamp() WHERE id = $1', values);
  }

  async #addOrder(): Promise<void> {
    const id = ++this.#lastOrder;
    const quantity = 1 + this.#random.below(20);
    const cents = quantity * (99 + this.#random.below(50_000));
    const day = new Date(Date.UTC(2026, 0, 1 + this.#random.below(300))).toISOString().slice(0, 10);
    const note = this.#random.chance(0.3) ? `left by the door\n${'·'.repeat(this.#random.below(40))}` : null;
    await this.#run('INSERT INTO orders VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
      id,
      this.#random.pick(this.#customers),
      this.#random.pick(products),
      quantity,
      (cents / 100).toFixed(2),
      states[0],
      day,
      note,
    ]);
    this.#orders.push(id);
  }

  async #advanceOrder(): Promise<void> {
    const values = [this.#random.pick(this.#orders), this.#random.pick(states)];
    await this.#run('UPDATE orders SET state = $2 WHERE id = $1', values);
  }

  async #removeOrder(): Promise<void> {
    const at = this.#random.below(this.#orders.length);
    const [id] = this.#orders.splice(at, 1);
    if (id !== undefined) await this.#run('DELETE FROM orders WHERE id = $1', [id]);
  }

  async #run(sql: string, values: readonly unknown[]): Promise<void> {
    const { rowCount } = await this.#client.query(sql, [...values]);
    this.changes += rowCount ?? 0;
  }

  #name(): string {
    return `${this.#random.pick(names)} ${this.#random.pick(names)}sson`;
  }
}
