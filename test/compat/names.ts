/** Random names, so that tests may share a broker. */
import { randomUUID } from 'node:crypto';

export const unique = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 8)}`;
