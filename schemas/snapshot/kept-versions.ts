/**
 * Versions of a snapshot that nobody has asked for yet: found by subject, id and GUID, decoded when they are taken.
 *
 * The fold (../state.ts) takes them a subject at a time, with all others that share an id or a GUID, so that who came first is
 * known; what is taken is the fold's own from then on.
 */
import type { SchemaVersion } from '../model.ts';
import { contextOf } from '../subject-name.ts';
import {
  guidAt,
  guidHash,
  hasReferences,
  isDeleted,
  type RowText,
  type Snapshot,
  type SnapshotRow,
  textAt,
} from './format.ts';

interface Rows {
  readonly first: number;
  readonly end: number;
}

export class KeptVersions {
  readonly #snapshot: Snapshot;
  /** Subjects that were not taken yet. */
  readonly #subjects = new Map<string, Rows>();
  /** By row, the index of its subject in `facts.subjects`. */
  readonly #subjectOf: Int32Array;
  #byId: Chains | null = null;
  #byGuid: Chains | null = null;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#subjectOf = new Int32Array(snapshot.columns.ids.length);
    let first = 0;
    for (const [index, [name, rows]] of snapshot.facts.subjects.entries()) {
      this.#subjects.set(name, { first, end: first + rows });
      this.#subjectOf.fill(index, first, first + rows);
      first += rows;
    }
  }

  subjectNames(): Iterable<string> {
    return this.#subjects.keys();
  }

  /** How many versions a subject has; null when it is not here (any more). */
  tally(subject: string): { readonly live: number; readonly deleted: number } | null {
    const rows = this.#subjects.get(subject);
    if (rows === undefined) return null;
    let deleted = 0;
    for (let row = rows.first; row < rows.end; row++) if (isDeleted(this.#snapshot.columns.flags[row]!)) deleted++;
    return { live: rows.end - rows.first - deleted, deleted };
  }

  /** The subject's versions with all that share an id or a GUID with them, in the order in which they were written. */
  take(subject: string): SchemaVersion[] {
    const rows: number[] = [];
    const waiting = [subject];
    // A schema may be that of thousands of subjects: its versions are gone through once.
    const schemas = new Set<string>();
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const own = this.#subjects.get(name);
      if (own === undefined) continue;
      this.#subjects.delete(name);
      for (let row = own.first; row < own.end; row++) {
        rows.push(row);
        const { columns } = this.#snapshot;
        const schema = `${columns.ids[row]} ${guidAt(columns, row)} ${contextOf(name)}`;
        if (schemas.has(schema)) continue;
        schemas.add(schema);
        for (const other of this.#kin(row)) waiting.push(this.#nameOf(other));
      }
    }
    const { orders } = this.#snapshot.columns;
    return rows.sort((a, b) => orders[a]! - orders[b]!).map((row) => this.#decoded(row));
  }

  /** A subject of the context with a version of that id; null when none is left here. */
  holderOfId(context: string, id: number): string | null {
    const { ids } = this.#snapshot.columns;
    return this.#holder(context, this.#ids().rows(id), (row) => ids[row] === id);
  }

  holderOfGuid(context: string, guid: string): string | null {
    const hash = Number.parseInt(guid.slice(0, 8), 16) | 0;
    return this.#holder(context, this.#guids().rows(hash), (row) => guidAt(this.#snapshot.columns, row) === guid);
  }

  /** Subjects with a version that refers to others. */
  *referring(): Generator<string> {
    const { flags } = this.#snapshot.columns;
    for (const [name, { first, end }] of [...this.#subjects]) {
      for (let row = first; row < end; row++) {
        if (!hasReferences(flags[row]!)) continue;
        yield name;
        break;
      }
    }
  }

  /** For the next snapshot: the rows of what is still here, by subject. */
  *rows(): Generator<readonly [name: string, rows: SnapshotRow[]]> {
    const { ids, versions, timestamps, orders, flags } = this.#snapshot.columns;
    for (const [name, { first, end }] of this.#subjects) {
      const rows: SnapshotRow[] = [];
      for (let row = first; row < end; row++) {
        rows.push({
          id: ids[row]!,
          version: versions[row]!,
          timestamp: timestamps[row]!,
          guid: guidAt(this.#snapshot.columns, row),
          deleted: isDeleted(flags[row]!),
          hasReferences: hasReferences(flags[row]!),
          order: orders[row]!,
          text: textAt(this.#snapshot, row),
        });
      }
      yield [name, rows];
    }
  }

  #decoded(row: number): SchemaVersion {
    const { columns } = this.#snapshot;
    const { schemaType, schema, references, metadata, ruleSet } = JSON.parse(
      textAt(this.#snapshot, row).toString(),
    ) as RowText;
    return {
      subject: this.#nameOf(row),
      version: columns.versions[row]!,
      id: columns.ids[row]!,
      schemaType,
      schema,
      references,
      metadata,
      ruleSet,
      guid: guidAt(columns, row),
      deleted: isDeleted(columns.flags[row]!),
      timestamp: columns.timestamps[row]!,
    };
  }

  /** Rows of the same context with the id or the GUID of a row. */
  *#kin(row: number): Generator<number> {
    const { columns } = this.#snapshot;
    const context = contextOf(this.#nameOf(row));
    const guid = guidAt(columns, row);
    for (const other of this.#ids().rows(columns.ids[row]!)) {
      if (columns.ids[other] === columns.ids[row] && contextOf(this.#nameOf(other)) === context) yield other;
    }
    for (const other of this.#guids().rows(guidHash(columns, row))) {
      if (guidAt(columns, other) === guid && contextOf(this.#nameOf(other)) === context) yield other;
    }
  }

  #holder(context: string, rows: Iterable<number>, isIt: (row: number) => boolean): string | null {
    for (const row of rows) {
      const name = this.#nameOf(row);
      if (isIt(row) && this.#subjects.has(name) && contextOf(name) === context) return name;
    }
    return null;
  }

  #nameOf(row: number): string {
    return this.#snapshot.facts.subjects[this.#subjectOf[row]!]![0];
  }

  #ids(): Chains {
    const { ids } = this.#snapshot.columns;
    this.#byId ??= new Chains(ids.length, (row) => ids[row]!);
    return this.#byId;
  }

  #guids(): Chains {
    const { columns } = this.#snapshot;
    this.#byGuid ??= new Chains(columns.ids.length, (row) => guidHash(columns, row));
    return this.#byGuid;
  }
}

/** Rows by a hash, in two arrays: the last row of each chain, and for each row the one before it. */
class Chains {
  readonly #heads: Int32Array;
  readonly #before: Int32Array;

  constructor(rows: number, hashOf: (row: number) => number) {
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(rows + 1))).fill(-1);
    this.#before = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const slot = hashOf(row) & (this.#heads.length - 1);
      this.#before[row] = this.#heads[slot]!;
      this.#heads[slot] = row;
    }
  }

  /** Every row with that hash, and a few others. */
  *rows(hash: number): Generator<number> {
    for (let row = this.#heads[hash & (this.#heads.length - 1)]!; row >= 0; row = this.#before[row]!) yield row;
  }
}
