/**
 * Paths of fields in a schema's metadata (`**.ssn`), as the registry checks them and converters obey them. Pure.
 */

/**
 * Whether a path fits a pattern: `**` is any number of names, `*` any part of one. In time that the two lengths bound,
 * because whoever registers a schema writes the pattern.
 */
export function tagPathPattern(pattern: string): (path: string) => boolean {
  const wanted = pattern.replace(/^\$\./, '').split('.');
  const withSkips = (places: Set<number>): Set<number> => {
    for (const place of places) if (wanted[place] === '**') places.add(place + 1);
    return places;
  };
  return (path) => {
    let places = withSkips(new Set([0]));
    for (const name of path.replace(/^\$\./, '').split('.')) {
      const next = new Set<number>();
      for (const place of places) {
        if (wanted[place] === '**') next.add(place);
        else if (wanted[place] !== undefined && fits(wanted[place], name)) next.add(place + 1);
      }
      places = withSkips(next);
    }
    return places.has(wanted.length);
  };
}

function fits(wanted: string, name: string): boolean {
  const [first = '', ...parts] = wanted.split('*');
  if (parts.length === 0) return wanted === name;
  const last = parts.pop()!;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts) {
    const at = name.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from <= name.length - last.length;
}
