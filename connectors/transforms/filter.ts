/** Filter: drops every record it is asked about; the predicate decides which those are. */
import { onRecord } from './side.ts';

export const filterPlugins = [
  onRecord('Filter', {}, () => ({ configure() {}, apply: () => null }), { leavesText: true }),
];
