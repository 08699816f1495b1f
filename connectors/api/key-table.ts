/**
 * Documentation from declarations: the keys of a plugin as Markdown, for READMEs and `millrace plugin docs`.
 */
import type { ConfigDef, ConfigKey } from './config.ts';

/** The keys as Markdown tables, one per group, in the order of the declaration. */
export function keyTable(def: ConfigDef): string {
  const groups = new Map<string, [string, ConfigKey][]>();
  for (const entry of Object.entries(def)) {
    const group = entry[1].group ?? 'Keys';
    if (group === 'Internal') continue;
    groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  return [...groups]
    .map(([group, keys]) =>
      [`### ${group}`, '', '| key | type | default | meaning |', '|---|---|---|---|', ...keys.map(row)].join('\n'),
    )
    .join('\n\n');
}

function row([key, declared]: [string, ConfigKey]): string {
  const allowed =
    declared.oneOf === undefined ? '' : ` One of ${declared.oneOf.map((value) => `\`${value}\``).join(', ')}.`;
  return `| \`${key}\` | ${declared.type} | ${shownDefault(declared)} | ${(declared.doc + allowed).replaceAll('|', '\\|')} |`;
}

function shownDefault(declared: ConfigKey): string {
  if (declared.default === undefined) return '**required**';
  if (declared.default === null || declared.default === '') return '–';
  if (Array.isArray(declared.default)) return declared.default.length === 0 ? '–' : `\`${declared.default.join(',')}\``;
  return `\`${String(declared.default)}\``;
}
