/** Reads JSON and text that the user names on the command line; `-` is stdin. */
import { readFileSync } from 'node:fs';
import { CliError } from './errors.ts';

/** The text of a file or of stdin. */
export function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new CliError('BAD_CONFIGURATION', `Cannot read ${path}.`, {
      next: 'Check the path and its permissions.',
      cause: error,
    });
  }
}

/** A JSON object from a file or stdin. */
export function readJsonObject(path: string): Record<string, unknown> {
  const text = readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError('BAD_CONFIGURATION', `${path} is not valid JSON.`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CliError('BAD_CONFIGURATION', `${path} holds no JSON object.`, { next: 'Wrap its content in { … }.' });
}
