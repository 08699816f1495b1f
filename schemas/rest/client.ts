/** The SchemaRegistry port of connectors/api kept by any Confluent-compatible registry over HTTP. */
import type { SchemaRegistry } from '../../connectors/api/index.ts';

export interface HttpRegistryOptions {
  /** Base URLs, tried in turn; credentials in a URL (`http://user:password@…`) are sent as Basic. */
  readonly urls: readonly string[];
  readonly basicAuth?: { readonly user: string; readonly password: string };
  readonly bearerToken?: string;
  /** Milliseconds one attempt may take, 10000. */
  readonly timeoutMs?: number;
}

export function httpRegistry(_options: HttpRegistryOptions): SchemaRegistry {
  throw new Error('The registry client is being built.');
}
