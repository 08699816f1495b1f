/**
 * `confluent:version`: the version's own number, which Confluent's registry notes in a schema's metadata for whoever asks
 * for it, so that the same text can be registered again as another version. Pure.
 */
import type { Metadata } from './model.ts';

const PROPERTY = 'confluent:version';

/** What is noted; null where nothing is, or no number. */
export function notedVersion(metadata: Metadata | null): number | null {
  const text = metadata?.properties?.[PROPERTY];
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : null;
}

/** Whether anything is noted. */
export function hasNotedVersion(metadata: Metadata | null): boolean {
  return metadata?.properties?.[PROPERTY] !== undefined;
}

export function withNotedVersion(metadata: Metadata | null, version: number): Metadata {
  return { ...metadata, properties: { ...metadata?.properties, [PROPERTY]: String(version) } };
}

/**
 * Whether metadata that a client sent means a version's: the same, but for a number that only one of them notes; that
 * of the client must then be the version's.
 */
export function meansMetadata(sent: Metadata | null, kept: Metadata | null, keptVersion: number): boolean {
  const [asked, noted] = [notedVersion(sent), notedVersion(kept)];
  if (asked === null && noted !== null) return keyOf(sent ?? {}) === keyOf(withoutNoted(kept));
  if (asked !== null && noted === null) return asked === keptVersion && keyOf(withoutNoted(sent)) === keyOf(kept ?? {});
  return keyOf(sent) === keyOf(kept);
}

function withoutNoted(metadata: Metadata | null): Metadata {
  const { [PROPERTY]: _, ...properties } = metadata?.properties ?? {};
  return { ...metadata, properties };
}

/** One text per meaning: what is absent is empty, sets are sorted. */
function keyOf(metadata: Metadata | null): string {
  if (metadata === null) return '';
  const tags = Object.entries(metadata.tags ?? {}).map(([path, tags]) => [path, [...tags].sort()] as const);
  const properties = Object.entries(metadata.properties ?? {});
  return JSON.stringify([tags.sort(byName), properties.sort(byName), [...(metadata.sensitive ?? [])].sort()]);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
