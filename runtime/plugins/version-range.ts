/**
 * Versions and version ranges as `*.plugin.version` writes them (KIP-891): Maven's notation, where a bare version means
 * exactly that one. Pure.
 *
 * `1.2.3` · `[1.0,2.0)` · `(,1.5]` · `[1.0,1.2],[1.4,)` · `latest`
 */

/** Answers whether a version lies in the range. */
export type VersionRange = (version: string) => boolean;

/** Orders versions: numbers as numbers, a pre-release (`-rc.1`) before its release. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  for (let i = 0; i < Math.max(left.numbers.length, right.numbers.length); i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.label === right.label) return 0;
  if (left.label === '' || right.label === '') return left.label === '' ? 1 : -1;
  return left.label.localeCompare(right.label, 'en', { numeric: true });
}

function split(version: string): { numbers: number[]; label: string } {
  const [, numbers = '', label = ''] = /^v?([\d.]*)[-.+]?(.*)$/.exec(version.trim()) ?? [];
  return {
    numbers: numbers
      .split('.')
      .filter((each) => each !== '')
      .map(Number),
    label,
  };
}

/** Parses a range; null when it is none. `latest` and the empty text hold every version. */
export function parseVersionRange(text: string): VersionRange | null {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'latest') return () => true;
  if (/^[^[\](),\s]+$/.test(trimmed)) return (version) => compareVersions(version, trimmed) === 0;
  const parts = trimmed.match(/[[(][^[\]()]*[\])]/g);
  if (parts === null || parts.join(',') !== trimmed.replace(/\s+/g, '')) return null;
  const ranges = parts.map(parsePart);
  if (ranges.some((range) => range === null)) return null;
  return (version) => ranges.some((range) => range!(version));
}

function parsePart(part: string): VersionRange | null {
  const bounds = part.slice(1, -1).split(',');
  if (bounds.length === 1) {
    const isExact = part.startsWith('[') && part.endsWith(']') && bounds[0] !== '';
    return isExact ? (version) => compareVersions(version, bounds[0]!) === 0 : null;
  }
  if (bounds.length !== 2) return null;
  const [low, high] = bounds as [string, string];
  const fromLow = part.startsWith('[') ? 0 : 1;
  const toHigh = part.endsWith(']') ? 0 : -1;
  return (version) =>
    (low === '' || Math.sign(compareVersions(version, low)) >= fromLow) &&
    (high === '' || Math.sign(compareVersions(version, high)) <= toHigh);
}
