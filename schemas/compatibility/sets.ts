/** Sets as the comparisons need them. */

/** How `update` relates to `original`, which holds what was allowed before. */
export function changeOf(
  original: ReadonlySet<string>,
  update: ReadonlySet<string>,
): 'same' | 'extended' | 'narrowed' | 'changed' {
  const extended = isSubset(original, update);
  const narrowed = isSubset(update, original);
  if (extended) return narrowed ? 'same' : 'extended';
  return narrowed ? 'narrowed' : 'changed';
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  if (part.size > whole.size) return false;
  for (const member of part) if (!whole.has(member)) return false;
  return true;
}
