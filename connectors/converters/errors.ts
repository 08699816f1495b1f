/** How converters word their refusals. */
import { DataError } from '../api/index.ts';

/** Shows enough of a value to recognise it, never a whole payload. */
const MAX_SHOWN = 60;

export function shown(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

export function badData(message: string, cause?: unknown): DataError {
  return new DataError(message, cause === undefined ? {} : { cause });
}
