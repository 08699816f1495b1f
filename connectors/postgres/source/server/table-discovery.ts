/**
 * Looks, now and then while the stream is read, for tables that appeared since, and asks again about those whose rows are parked.
 * What becomes of a table that is found, streaming.ts decides.
 */

import type { WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { nameOf, publishedTables, type TableName } from '../tables/catalog.ts';
import { relationOf, type Tables } from '../tables/tables.ts';
import { capturedTables, isForAllTables, publishNewTables, type Unfit } from './publication.ts';

export interface Discovered {
  readonly captured: readonly TableName[];
  readonly unfit: Unfit;
  /** Made since the last look, in a publication of all tables: the stream has every row of theirs. */
  readonly whole: ReadonlySet<number>;
}

export class TableDiscovery {
  readonly #settings: SourceSettings;
  readonly #tables: Tables;
  #due: number;
  /** What was published at the last look, wanted or not; null before the first. */
  #published: ReadonlySet<number> | null = null;

  constructor(settings: SourceSettings, tables: Tables) {
    this.#settings = settings;
    this.#tables = tables;
    this.#due = this.#nextLook();
  }

  /** The tables of now are known: the next look is an interval away. */
  #nextLook(): number {
    return Date.now() + this.#settings.discoveryMs;
  }

  /** Publishes tables that are new, and answers what is captured now and what cannot be; null where it is not time to look. */
  async look(catalog: WireConnection): Promise<Discovered | null> {
    const { discoveryMs, publication, filters } = this.#settings;
    if (discoveryMs === 0) return null;
    this.#published ??= oidsOf(await publishedTables(catalog, publication.name));
    if (Date.now() < this.#due) return null;
    this.#due = this.#nextLook();
    await this.#reconsider(catalog);
    const unfit = await publishNewTables(catalog, this.#settings, null);
    const before = this.#published;
    const published = await publishedTables(catalog, publication.name);
    this.#published = oidsOf(published);
    const made = published.filter(({ oid }) => !before.has(oid));
    const areWhole = made.length > 0 && (await isForAllTables(catalog, publication.name)) === true;
    const captured = published.filter(({ schema, name }) => filters.table(schema, name));
    return { captured, unfit, whole: oidsOf(areWhole ? made : []) };
  }

  async #reconsider(catalog: WireConnection): Promise<void> {
    await this.#tables.reconsider();
    const unseen = this.#tables.unseenParked;
    if (unseen.length === 0) return;
    for (const table of await capturedTables(catalog, this.#settings)) {
      if (!unseen.includes(nameOf(table))) continue;
      await this.#tables.take(relationOf(table, null), catalog);
    }
  }
}

function oidsOf(tables: readonly TableName[]): ReadonlySet<number> {
  return new Set(tables.map(({ oid }) => oid));
}
