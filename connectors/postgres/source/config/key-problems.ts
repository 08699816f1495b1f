/**
 * What is wrong with a value of the source that has a form of its own, in a sentence without its subject, or null. Part of
 * source-keys.ts.
 */

/** `schema.table:FULL;schema.table:INDEX name` */
export const identitiesProblem = entriesProblem(
  /^[^:]+:\s*(DEFAULT|FULL|NOTHING|INDEX\s+\S.*)$/i,
  'schema.table:IDENTITY',
);

/** `schema.table:column,column;…` */
export const keyColumnsProblem = entriesProblem(/^[^:].*:\s*[^,\s][^:]*$/, 'schema.table:column,column');

function entriesProblem(pattern: RegExp, form: string): (value: unknown) => string | null {
  return (value) => {
    const entries = String(value ?? '')
      .split(';')
      .map((entry) => entry.trim());
    const wrong = entries.find((entry) => entry !== '' && !pattern.test(entry));
    return wrong === undefined ? null : `holds "${wrong}", which is not ${form}`;
  };
}

export function topicProblem(value: unknown): string | null {
  return value === null || /^[\w.-]{0,249}$/.test(String(value)) ? null : 'is no name of a topic';
}
