/**
 * What is wrong with a value of the source that has a form of its own, in a sentence without its subject, or null. Part of
 * source-keys.ts.
 */

/** `schema.table:FULL;schema.table:INDEX name` */
export function identitiesProblem(value: unknown): string | null {
  const entries = String(value ?? '')
    .split(';')
    .filter((entry) => entry.trim() !== '');
  const wrong = entries.find((entry) => !/^[^:]+:\s*(DEFAULT|FULL|NOTHING|INDEX\s+\S.*)$/i.test(entry.trim()));
  return wrong === undefined ? null : `holds "${wrong.trim()}", which is not schema.table:IDENTITY`;
}

/** `schema.table:column,column;…` */
export function keyColumnsProblem(value: unknown): string | null {
  const entries = String(value ?? '')
    .split(';')
    .filter((entry) => entry.trim() !== '');
  const wrong = entries.find((entry) => !/^[^:].*:\s*[^,\s][^:]*$/.test(entry.trim()));
  return wrong === undefined ? null : `holds "${wrong.trim()}", which is not schema.table:column,column`;
}

export function topicProblem(value: unknown): string | null {
  return value === null || /^[\w.-]{0,249}$/.test(String(value)) ? null : 'is no name of a topic';
}
