/**
 * The console's front door: health, metrics and the status page on one port, started and stopped together.
 *
 * A client of what it is handed; it holds no state of the house. cli/up.ts starts it.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HealthSource, health, livez, readyz } from './health.ts';
import { type Answer, type Handler, isAllowedHost, json, send } from './http.ts';
import { LiveOverview } from './live.ts';
import { Metrics } from './metrics.ts';
import { OverviewSampler } from './overview.ts';
import type { ConsoleAddresses, ConsoleLogger, HealthCheck, MetricSource, Overview } from './ports.ts';
import { askRegistry, isRegistryQuestion, REGISTRY_PATH } from './registry-window.ts';

export interface ConsoleOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What `/api/overview` and the status page show. */
  readonly overview: () => Overview | Promise<Overview>;
  /** What `/readyz` and `/health` report. */
  readonly health: () => readonly HealthCheck[] | Promise<readonly HealthCheck[]>;
  readonly metrics: readonly MetricSource[];
  /** Asked at each request, as ports are known late. */
  readonly addresses?: () => ConsoleAddresses;
  readonly version?: string;
  readonly logger?: ConsoleLogger;
  /** Host names, beside the bound one and loopback's, that a browser may use to reach the console. */
  readonly allowedHosts?: readonly string[];
}

export interface Console {
  /** `http://host:port`, with the port that was really bound. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the console. Rejects when the port cannot be bound. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const logger = options.logger ?? SILENT;
  const facts = { version: options.version ?? 'unknown', startedAt: Date.now(), now: Date.now };
  const addresses = options.addresses ?? (() => ({}));
  const sampler = new OverviewSampler({ ...facts, overview: options.overview, addresses });
  const live = new LiveOverview(sampler);
  const metrics = new Metrics(options.metrics, logger);
  const handlers = routes({ ...facts, health: options.health }, { sampler, live, metrics });

  const server = createServer((request, response) => {
    void respond(request, response, handlers, options).catch((error) => {
      logger.error({ err: error, url: request.url }, 'The console could not answer a request; this is a defect.');
      response.destroy();
    });
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await listen(server, options);
  const url = urlOf(server, options.host);
  logger.info({ url }, 'The console answers.');
  return {
    url,
    async stop() {
      live.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await metrics.close();
    },
  };
}

/** Milliseconds a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 10_000;
const SILENT: ConsoleLogger = { debug() {}, info() {}, warn() {}, error() {} };

interface Parts {
  readonly sampler: OverviewSampler;
  readonly live: LiveOverview;
  readonly metrics: Metrics;
}

function routes(source: HealthSource, { sampler, live, metrics }: Parts): ReadonlyMap<string, Handler> {
  return new Map<string, Handler>([
    ['/', () => pageFile('index.html', 'text/html')],
    ['/app.js', () => pageFile('app.js', 'text/javascript')],
    ['/schemas', () => pageFile('schemas.html', 'text/html')],
    ['/schemas.js', () => pageFile('schemas.js', 'text/javascript')],
    ['/schema-cards.js', () => pageFile('schema-cards.js', 'text/javascript')],
    ['/schema-diff.js', () => pageFile('schema-diff.js', 'text/javascript')],
    ['/style.css', () => pageFile('style.css', 'text/css')],
    ['/icon.svg', () => pageFile('icon.svg', 'image/svg+xml')],
    ['/livez', livez],
    ['/readyz', () => readyz(source)],
    ['/health', () => health(source)],
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() })],
    ['/api/overview', async () => json(200, await sampler.sample())],
    [
      '/api/events',
      (request, response) =>
        request.method === 'GET' && live.add(response)
          ? null
          : json(503, { message: 'Too many tabs watch this process. Close one and reload.' }),
    ],
  ]);
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: ReadonlyMap<string, Handler>,
  options: ConsoleOptions,
): Promise<void> {
  const refused = refusal(request, options);
  const [path = '/'] = (request.url ?? '/').split('?');
  const registry = options.addresses?.().registry;
  const handler = path.startsWith(REGISTRY_PATH) ? () => askRegistry(request, response, registry) : handlers.get(path);
  if (refused !== null) send(request, response, refused);
  else if (handler === undefined) send(request, response, json(404, { message: `The console has no page ${path}.` }));
  else {
    const answer = await handler(request, response);
    if (answer !== null) send(request, response, answer);
  }
}

function refusal(request: IncomingMessage, { host, allowedHosts = [] }: ConsoleOptions): Answer | null {
  if (!isAllowedHost(request.headers.host, host, allowedHosts)) {
    const message = `The console does not answer to the name '${request.headers.host}'. Use 127.0.0.1 or localhost, or allow the name.`;
    return json(421, { message });
  }
  if (request.method === 'GET' || request.method === 'HEAD' || isRegistryQuestion(request)) return null;
  return json(405, { message: 'The console is read-only: GET and HEAD.' });
}

const PAGE = new URL('page/', import.meta.url);

/** Small files, read when asked for: an edit shows at the next reload. */
async function pageFile(name: string, type: string): Promise<Answer> {
  return { status: 200, type: `${type}; charset=utf-8`, body: await readFile(new URL(name, PAGE)) };
}

async function listen(server: Server, { host, port }: ConsoleOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
