/**
 * `npm run build`: what the npm package carries, in dist/. JavaScript and declarations from tsc, one file per source,
 * and the files that are read rather than imported (the console's page).
 *
 * Node strips no types under node_modules, so the published package cannot be the sources themselves.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** Files that the code reads beside itself at run time. */
const assets = ['console/page/**/*'];

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
let copied = 0;
for (const asset of assets.flatMap((pattern) => globSync(pattern, { cwd: root, withFileTypes: true }))) {
  if (!asset.isFile() || asset.name.endsWith('.ts')) continue;
  const from = join(asset.parentPath, asset.name);
  const to = join(dist, from.slice(root.length));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
  copied++;
}
if (!existsSync(join(dist, 'cli/main.js'))) throw new Error('The build has no dist/cli/main.js.');
console.log(`Built dist/ with ${copied} assets.`);
