/**
 * Walks the steps against one worker and keeps what it answered, without what differs from run to run: addresses,
 * folders, versions, times, traces; and without Kafka's documentation, which is text, not contract.
 */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Step } from './step.ts';

export interface Answer {
  readonly name: string;
  readonly call: string;
  readonly status: number;
  /** Those of {@link KEPT_HEADERS} that were there. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or the text; null where there was none. */
  readonly body: unknown;
}

export interface Place {
  /** `http://127.0.0.1:8083` */
  readonly url: string;
  /** What `$dir` in bodies stands for. */
  readonly folder: string;
}

const KEPT_HEADERS = ['location', 'content-type', 'allow'] as const;
const WAIT_MS = 20_000;
/** What is refused may not be there yet, but is mostly refused for good. */
const REFUSED_MS = 2_000;
const PAUSE_MS = 20;

/** Members whose value differs from run to run, and what is kept instead. */
const replaced: Readonly<Record<string, string>> = {
  version: 'a version',
  commit: 'a commit',
  kafka_cluster_id: 'an id',
  worker_id: 'a worker',
  trace: 'a trace',
  documentation: 'a text',
};

export async function walk(steps: readonly Step[], place: Place): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true });
  const answers: Answer[] = [];
  for (const step of steps) answers.push(await settled(step, place, agent));
  agent.destroy();
  return answers;
}

async function settled(step: Step, place: Place, agent: Agent): Promise<Answer> {
  const began = Date.now();
  for (;;) {
    const { status, headers, text } = await send(step, place, agent);
    // A rebalance is under way: every client of Kafka Connect asks again. A worker that hung up is asked again, too.
    const isBusy = status === 0 || (status === 409 && /rebalance/.test(text));
    const isWaiting = step.until?.some((each) => !text.includes(each)) === true;
    const patience = status >= 400 && status !== 409 ? REFUSED_MS : WAIT_MS;
    if ((!isBusy && !isWaiting) || Date.now() - began > patience) return answerOf(step, place, status, headers, text);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function send(
  { call, body, headers = {} }: Step,
  { url, folder }: Place,
  agent: Agent,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  const [method, path] = call.split(' ') as [string, string];
  const { hostname, port } = new URL(url);
  const written = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const bytes = written === undefined ? null : Buffer.from(written.replaceAll('$dir', folder));
  const type = bytes === null ? {} : { 'content-type': 'application/json', 'content-length': bytes.length };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method, path, headers: { ...type, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    sent.setTimeout(WAIT_MS, () => sent.destroy(new Error(`${call} was not answered within ${WAIT_MS} ms.`)));
    // A worker that closes the connection has answered too.
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') resolve({ status: 0, headers: {}, text: '' });
      else reject(error);
    });
    sent.end(bytes ?? undefined);
  });
}

function answerOf(step: Step, place: Place, status: number, headers: IncomingHttpHeaders, raw: string): Answer {
  const text = raw
    .replaceAll(place.url, 'http://worker')
    .replaceAll(place.folder, '$dir')
    .replace(/"[0-9]+\.[0-9]+\.[0-9]+"/g, '"a version"');
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = headers[name];
    if (value === undefined) return [];
    const text = String(value).replaceAll(place.url, 'http://worker');
    return [[name, name === 'allow' ? sortedWords(text) : text] as const];
  });
  const body = steady(step.call.startsWith('OPTIONS') ? sortedWords(text) : parsed(text));
  return {
    name: step.name,
    call: step.call,
    status,
    headers: Object.fromEntries(kept),
    body: step.unordered && Array.isArray(body) ? body.sort() : body,
  };
}

/** `HEAD,POST, GET` → `GET, HEAD, POST` */
function sortedWords(list: string): string {
  return list.split(/[, ]+/).sort().join(', ');
}

function parsed(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text.startsWith('<') ? '<html>' : text;
  }
}

function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(steady);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const steadied = replaced[name];
      if (typeof member === 'string' && steadied !== undefined) return [name, member === '' ? '' : steadied];
      if (name === 'last_modified' && typeof member === 'number') return [name, 0];
      return [name, steady(member)];
    }),
  );
}
