/** The version in our own package.json, from a checkout and from the published package alike. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  // dist/cli/… and cli/… stand at different depths below package.json.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // The next place.
    }
  }
  return 'unknown';
}
