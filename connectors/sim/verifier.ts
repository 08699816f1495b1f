/**
 * The judge of a simulated fleet: takes reports from anywhere, in the order in which they stand there, and says what is
 * missing, what is there twice and what is out of order, per truck.
 */

/** Report numbers from `from` to `to`, both included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface TruckVerdict {
  readonly id: string;
  /** Distinct report numbers seen. */
  readonly reports: number;
  readonly last: number;
  readonly missing: readonly Span[];
  readonly duplicates: number;
  /** Reports that stand behind a later one of the same truck, duplicates aside. */
  readonly outOfOrder: number;
}

export interface Verdict {
  readonly trucks: number;
  readonly reports: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** What was no report: no truck id and number could be told. */
  readonly unreadable: number;
  /** Trucks that are not as they should be, in the order of their ids. */
  readonly faulty: readonly TruckVerdict[];
}

/** What must be there at least, where somebody knows. */
export interface Expectation {
  readonly ids?: readonly string[];
  /** Each truck's last report number. */
  readonly last?: number;
}

interface Seen {
  /** One bit per report number. */
  bits: Uint8Array;
  reports: number;
  last: number;
  duplicates: number;
  outOfOrder: number;
}

export class FleetVerifier {
  readonly #trucks = new Map<string, Seen>();
  #unreadable = 0;

  /** Takes one report. */
  add(id: string, seq: number): void {
    const seen = this.#seen(id);
    if (seq >> 3 >= seen.bits.length) seen.bits = grown(seen.bits, seq >> 3);
    const bit = 1 << (seq & 7);
    if ((seen.bits[seq >> 3]! & bit) !== 0) {
      seen.duplicates++;
      return;
    }
    seen.bits[seq >> 3]! |= bit;
    seen.reports++;
    if (seq < seen.last) seen.outOfOrder++;
    else seen.last = seq;
  }

  /** Takes a payload, spoiled or not: truck and number are read as text. */
  addPayload(text: string): void {
    const id = /"id"\s*:\s*"([^"]+)"/.exec(text)?.[1];
    const seq = /"seq"\s*:\s*(\d{1,9})\b/.exec(text)?.[1];
    if (id === undefined || seq === undefined || Number(seq) < 1) this.#unreadable++;
    else this.add(id, Number(seq));
  }

  verdict(expected: Expectation = {}): Verdict {
    for (const id of expected.ids ?? []) this.#seen(id);
    const trucks = [...this.#trucks].map(([id, seen]) => judge(id, seen, expected.last)).sort(byId);
    const sum = (of: (truck: TruckVerdict) => number): number => trucks.reduce((total, truck) => total + of(truck), 0);
    return {
      trucks: trucks.length,
      reports: sum(({ reports }) => reports),
      missing: sum(({ missing }) => missing.reduce((total, { from, to }) => total + to - from + 1, 0)),
      duplicates: sum(({ duplicates }) => duplicates),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      unreadable: this.#unreadable,
      faulty: trucks.filter(({ missing, duplicates, outOfOrder }) => missing.length + duplicates + outOfOrder > 0),
    };
  }

  #seen(id: string): Seen {
    let seen = this.#trucks.get(id);
    if (seen === undefined) {
      seen = { bits: new Uint8Array(32), reports: 0, last: 0, duplicates: 0, outOfOrder: 0 };
      this.#trucks.set(id, seen);
    }
    return seen;
  }
}

function grown(bits: Uint8Array, index: number): Uint8Array {
  const larger = new Uint8Array(Math.max(bits.length * 2, index + 1));
  larger.set(bits);
  return larger;
}

function byId(a: TruckVerdict, b: TruckVerdict): number {
  return a.id < b.id ? -1 : 1;
}

function judge(id: string, { bits, reports, last, duplicates, outOfOrder }: Seen, expectedLast = 0): TruckVerdict {
  const missing: Span[] = [];
  const end = Math.max(last, expectedLast);
  for (let seq = 1; seq <= end; seq++) {
    if ((bits[seq >> 3] ?? 0) & (1 << (seq & 7))) continue;
    const open = missing.at(-1);
    if (open?.to === seq - 1) missing[missing.length - 1] = { from: open.from, to: seq };
    else missing.push({ from: seq, to: seq });
  }
  return { id, reports, last, missing, duplicates, outOfOrder };
}
