/** Java's order of strings (by UTF-16 unit), which every member of a group must agree on; never the locale's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
