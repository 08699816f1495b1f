/** Pairs as many left and right members as possible, each at most once (Kuhn's augmenting paths). Pure. */

/** `edges[left]` lists the right members that left one may be paired with. Returns the right partner of each left. */
export function maximumMatching(edges: readonly (readonly number[])[], rightCount: number): (number | null)[] {
  const leftOf: (number | null)[] = new Array(rightCount).fill(null);
  for (let left = 0; left < edges.length; left++) augment(left, edges, leftOf, new Set());

  const rightOf: (number | null)[] = new Array(edges.length).fill(null);
  leftOf.forEach((left, right) => {
    if (left !== null) rightOf[left] = right;
  });
  return rightOf;
}

/** Gives `left` a partner, moving others where that makes room. */
function augment(
  left: number,
  edges: readonly (readonly number[])[],
  leftOf: (number | null)[],
  tried: Set<number>,
): boolean {
  for (const right of edges[left] ?? []) {
    if (tried.has(right)) continue;
    tried.add(right);
    const holder = leftOf[right] ?? null;
    if (holder === null || augment(holder, edges, leftOf, tried)) {
      leftOf[right] = left;
      return true;
    }
  }
  return false;
}
