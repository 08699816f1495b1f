/**
 * The shop of flow (a): a database whose customers and orders never stand still.
 *
 * Inserts, updates (of the key, and of rows with a large value, too), deletes, and now and then a transaction that is rolled
 * back and must leave no trace in the replica. What happens once is in story.ts.
 */
import type pg from 'pg';
import { type Random, seeded } from './random.ts';
import { STORY, SUPPLIERS } from './story.ts';

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
);
CREATE TABLE products (title text PRIMARY KEY, price numeric(10,2) NOT NULL, manual text NOT NULL);
CREATE TABLE suppliers (id integer PRIMARY KEY, name text NOT NULL, rating smallint);
CREATE TABLE carts (id integer PRIMARY KEY, customer_id integer NOT NULL, since timestamp NOT NULL);
CREATE TABLE stock (id bigint PRIMARY KEY, product text NOT NULL, quantity integer NOT NULL);
CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));`;

/** Manuals are 64 kB that do not compress: Postgres keeps them apart (TOAST) and does not send them with a new price. */
const contents = `
INSERT INTO products SELECT title, 9.90, manual FROM unnest($1::text[]) title,
  LATERAL (SELECT string_agg(md5(title || line), '') AS manual FROM generate_series(1, 2000) line) made;`;
const moreContents = `
INSERT INTO suppliers SELECT id, 'supplier ' || id, id % 5 FROM generate_series(1, ${SUPPLIERS}) id;
INSERT INTO carts SELECT id, id, timestamp '2026-01-01' + id * interval '1.000001 s' FROM generate_series(1, 50) id;`;

/** Shares of a step's kinds; what is left of 1 removes an order. */
const UP_TO = {
  addCustomer: 0.1,
  changeCustomer: 0.22,
  renumberCustomer: 0.26,
  addOrder: 0.55,
  advanceOrder: 0.82,
  changePrice: 0.87,
  rateSupplier: 0.92,
  dropSupplier: 0.93,
};

export interface Shop {
  /** One transaction of random size and kind. Resolves when it is committed (or, on purpose, rolled back). */
  change(): Promise<void>;
  /** What comes next in the story, done and told in a sentence; null at its end. Not while `change` runs. */
  event(): Promise<string | null>;
  /** Row changes committed so far, the first rows included. */
  readonly changes: () => number;
}

/** Creates the tables and the first rows; `change` goes on from there. The client is borrowed. */
export async function openShop(client: pg.Client, options: { seed: number; customers: number }): Promise<Shop> {
  const shop = new ChangingShop(client, seeded(options.seed));
  await client.query(ddl);
  await shop.stock(options.customers);
  return { change: () => shop.change(), event: () => shop.event(), changes: () => shop.changes };
}

class ChangingShop {
  readonly #client: pg.Client;
  readonly #random: Random;
  readonly #customers: number[] = [];
  readonly #orders: number[] = [];
  #lastCustomer = 0;
  #told = 0;
  #hasPoints = false;
  #lastOrder = 0;
  changes = 0;

  constructor(client: pg.Client, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  async stock(customers: number): Promise<void> {
    await this.#run(contents, [products]);
    await this.#client.query(moreContents);
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

  async event(): Promise<string | null> {
    const event = STORY[this.#told];
    if (event === undefined) return null;
    this.#told++;
    await this.#client.query(event.sql);
    this.changes += event.rows;
    this.#hasPoints ||= event.addsPoints === true;
    return event.sentence;
  }

  async #transaction(work: () => Promise<void>, isRolledBack = false): Promise<void> {
    await this.#client.query('BEGIN');
    await work();
    await this.#client.query(isRolledBack ? 'ROLLBACK' : 'COMMIT');
  }

  #step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < UP_TO.addCustomer) return this.#addCustomer();
    if (dice < UP_TO.changeCustomer) return this.#changeCustomer();
    if (dice < UP_TO.renumberCustomer) return this.#renumberCustomer();
    if (dice < UP_TO.addOrder) return this.#addOrder();
    if (dice < UP_TO.advanceOrder) return this.#advanceOrder();
    if (dice < UP_TO.changePrice) return this.#changePrice();
    if (dice < UP_TO.rateSupplier) return this.#rateSupplier();
    if (dice < UP_TO.dropSupplier) return this.#dropSupplier();
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
    const points = [values[0], this.#random.below(1000)];
    if (this.#hasPoints) await this.#run('UPDATE customers SET points = $2 WHERE id = $1', points);
  }

  /** The key itself changes: for the log a row that goes and one that comes. */
  async #renumberCustomer(): Promise<void> {
    const at = this.#random.below(this.#customers.length);
    const id = ++this.#lastCustomer;
    await this.#run('UPDATE customers SET id = $2 WHERE id = $1', [this.#customers[at], id]);
    this.#customers[at] = id;
  }

  /** The manual stays as it is, so that Postgres does not send it. */
  #changePrice(): Promise<void> {
    const price = (this.#random.below(100_000) / 100).toFixed(2);
    return this.#run('UPDATE products SET price = $2 WHERE title = $1', [this.#random.pick(products), price]);
  }

  #rateSupplier(): Promise<void> {
    const values = [1 + this.#random.below(SUPPLIERS), this.#random.below(6)];
    return this.#run('UPDATE suppliers SET rating = $2 WHERE id = $1', values);
  }

  #dropSupplier(): Promise<void> {
    return this.#run('DELETE FROM suppliers WHERE id = $1', [1 + this.#random.below(SUPPLIERS)]);
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
