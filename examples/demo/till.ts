/**
 * The shop floor of flow (c): tills that drop a CSV file of sales into a folder from time to time.
 *
 * Fields hold commas, quotes and line ends, as real ones do; now and then a line is cut short and must end in the
 * dead-letter topic. A file appears under its name only when it is complete.
 */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Random, seeded } from './random.ts';

const columns = ['receipt', 'till', 'product', 'quantity', 'price', 'remark'] as const;
const products = ['apples', 'bread, sliced', 'cheese "old"', 'dates', 'eggs', 'flour'];
const remarks = ['', 'paid in cash', 'gift: "wrap it"', 'two\nlines'];

/** A sale as it must come out at the other end. */
export type Sale = Readonly<Record<(typeof columns)[number], string>>;

export interface Till {
  /** Writes one more file with so many lines. */
  drop(lines: number): Promise<void>;
  readonly files: () => number;
  readonly lines: () => number;
  /** Receipt → sale, of the good lines. */
  readonly sales: ReadonlyMap<string, Sale>;
  /** The lines that were cut short, as written. */
  readonly spoiled: readonly string[];
}

export interface TillOptions {
  readonly folder: string;
  readonly seed: number;
  readonly badShare: number;
  /** Keeps every line for a later comparison; off where the demo runs for hours. */
  readonly remembers: boolean;
}

export function openTill(options: TillOptions): Till {
  const random = seeded(options.seed ^ 0x7111);
  const sales = new Map<string, Sale>();
  const spoiled: string[] = [];
  let [files, lines] = [0, 0];
  return {
    async drop(count) {
      const name = `sales-${String(++files).padStart(5, '0')}.csv`;
      const rows = [columns.join(',')];
      for (let i = 0; i < count; i++) {
        const receipt = `R${String(++lines).padStart(8, '0')}`;
        if (random.chance(options.badShare)) {
          rows.push(`${receipt},torn`);
          if (options.remembers) spoiled.push(`${receipt},torn`);
          continue;
        }
        const sale = saleOf(random, receipt);
        rows.push(columns.map((column) => quoted(sale[column])).join(','));
        if (options.remembers) sales.set(receipt, sale);
      }
      const path = join(options.folder, name);
      await writeFile(`${path}.part`, `${rows.join('\n')}\n`);
      await rename(`${path}.part`, path);
    },
    files: () => files,
    lines: () => lines,
    sales,
    spoiled,
  };
}

function saleOf(random: Random, receipt: string): Sale {
  return {
    receipt,
    till: `till-${1 + random.below(9)}`,
    product: random.pick(products),
    quantity: String(1 + random.below(9)),
    price: (random.below(10_000) / 100).toFixed(2),
    remark: random.pick(remarks),
  };
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
