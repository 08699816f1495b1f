/**
 * Looks whether the endpoint can be reached, without sending it anything: name, port, certificate, files.
 */
import { access } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConfigProblem } from '../api/index.ts';
import { readTlsFiles } from './client.ts';
import type { SinkSettings } from './config.ts';
import { messageOf } from './errors.ts';

const CONNECT_TIMEOUT_MS = 5000;

export async function checkEndpoint(settings: SinkSettings): Promise<readonly ConfigProblem[]> {
  const files = await checkFiles(settings);
  if (files.length > 0) return files;
  try {
    await shakeHands(settings);
    return [];
  } catch (error) {
    const message = `${settings.origin} cannot be reached: ${messageOf(error)}. Correct "http.url", the network, or the certificates in "http.tls.*".`;
    return [{ key: 'http.url', value: settings.url.source, message }];
  }
}

async function checkFiles({ tls }: SinkSettings): Promise<ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  for (const [name, path] of Object.entries(tls)) {
    if (path === null) continue;
    await access(path).catch((error: unknown) => {
      const key = `http.tls.${name}.file`;
      problems.push({ key, value: path, message: `"${key}" cannot be read: ${messageOf(error)}.` });
    });
  }
  return problems;
}

async function shakeHands(settings: SinkSettings): Promise<void> {
  const { protocol, hostname, port } = new URL(settings.origin);
  const target = { host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
  const files = await readTlsFiles(settings);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket =
    protocol === 'https:'
      ? connectTls({ ...target, ...files, servername: hostname }, resolve)
      : connectTcp(target, resolve);
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => reject(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`)));
  socket.on('error', reject);
  await promise.finally(() => socket.destroy());
}
