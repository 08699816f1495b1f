/** What the `schema` commands share: paths and shapes of Confluent's registry API. */
import { CliError } from './errors.ts';
import { readText } from './json-file.ts';

/** `schemaType` is absent for Avro, Confluent's historical default. */
export interface RegisteredVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schemaType?: string;
  readonly schema: string;
}

/** The path of a subject, and of something below it. */
export function subjectPath(subject: string, below = ''): string {
  return `subjects/${encodeURIComponent(subject)}${below}`;
}

/** The body of a register or check request from a JSON Schema file, refused here when it is no JSON at all. */
export function schemaBody(path: string): { schemaType: 'JSON'; schema: string } {
  const schema = readText(path);
  try {
    JSON.parse(schema);
  } catch (error) {
    throw new CliError('BAD_CONFIGURATION', `${path} is not valid JSON, so it is no JSON Schema.`, { cause: error });
  }
  return { schemaType: 'JSON', schema };
}
