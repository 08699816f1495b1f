/**
 * What happens to the shop once, beside the changes that never end: what a replica has to live through sooner or later. Each is
 * one statement (or a few), told by check.ts and demo.ts when it is done.
 */

/** The tables that are replicated. */
export const SHOP_TABLES: readonly string[] = ['customers', 'orders', 'products', 'suppliers', 'carts', 'stock'];

/** Rows that the first snapshot leaves out (`snapshot.include.collection.list`). */
export const SUPPLIERS = 2000;
const DELIVERED = 10_000;

export interface StoryEvent {
  readonly sentence: string;
  readonly sql: string;
  /** Rows that it changes. */
  readonly rows: number;
  /** From here on customers have points. */
  readonly addsPoints?: true;
}

const signal = JSON.stringify({ type: 'incremental', 'data-collections': ['public.suppliers'] });

export const STORY: readonly StoryEvent[] = [
  {
    sentence: `A signal asks for the ${SUPPLIERS.toLocaleString('en')} suppliers that the snapshot left out; writing goes on.`,
    sql: `INSERT INTO signals VALUES ('demo', 'execute-snapshot', '${signal}')`,
    rows: 0,
  },
  {
    sentence: 'customers got a column: points.',
    sql: 'ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 10',
    rows: 0,
    addsPoints: true,
  },
  {
    sentence: `One transaction brought ${DELIVERED.toLocaleString('en')} rows of stock.`,
    sql: `INSERT INTO stock SELECT id, 'crate ' || id, id % 100 FROM generate_series(1, ${DELIVERED}) id`,
    rows: DELIVERED,
  },
  {
    sentence: 'carts was emptied (TRUNCATE), and new carts came.',
    sql: "TRUNCATE carts; INSERT INTO carts SELECT id, id, timestamp '2026-06-01' FROM generate_series(40, 60) id",
    rows: 21,
  },
];
