/**
 * Documentation from declarations: the table of a plugin's keys, as Markdown, and the check that a README carries it.
 *
 * The table stands between two marks. `examineReadme` compares it in a test; with `MILLRACE_WRITE=1` that test writes it.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type ConfigDef, keyTable } from '../api/index.ts';

/** Registers the test that a README shows the keys of these plugins as they are declared. */
export function examineReadme(
  readme: URL,
  plugins: readonly { readonly class: string; readonly config: ConfigDef }[],
): void {
  test('The README shows the keys as they are declared (MILLRACE_WRITE=1 renews it)', async () => {
    const found = await readFile(readme, 'utf8');
    const right = plugins.reduce(withKeyTable, found);
    if (process.env.MILLRACE_WRITE === '1' && found !== right) await writeFile(readme, right);
    else assert.equal(found, right);
  });
}

/** The marks around the generated table of one plugin. */
export function keyMarks(plugin: string): { readonly begin: string; readonly end: string } {
  return {
    begin: `<!-- keys of ${plugin}: generated from its declaration, do not edit -->`,
    end: `<!-- end of keys of ${plugin} -->`,
  };
}

/** The README with the plugin's table renewed; throws when it lacks the marks. */
export function withKeyTable(readme: string, plugin: { readonly class: string; readonly config: ConfigDef }): string {
  const { begin, end } = keyMarks(plugin.class);
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`The README has no place for the keys of ${plugin.class}: add "${begin}" and "${end}".`);
  return `${readme.slice(0, from + begin.length)}\n\n${keyTable(plugin.config)}\n\n${readme.slice(to)}`;
}
