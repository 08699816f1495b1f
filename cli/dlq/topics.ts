/** Which topics hold dead letters: those the user names, else those the worker's connectors write to. */
import { CliError } from '../errors.ts';
import { request } from '../rest.ts';

const KEY = 'errors.deadletterqueue.topic.name';

interface Expanded {
  readonly info: { readonly config: Readonly<Record<string, string>> };
}

/** NOT_FOUND where nobody names one. */
export async function deadLetterTopics(named: readonly string[], connect: string): Promise<string[]> {
  if (named.length > 0) return [...new Set(named)];
  const answer = (await request(connect, 'GET', 'connectors?expand=info')) as Record<string, Expanded>;
  const topics = Object.values(answer).map(({ info }) => info.config[KEY]?.trim() ?? '');
  const found = [...new Set(topics.filter((topic) => topic !== ''))].sort();
  if (found.length > 0) return found;
  throw new CliError('NOT_FOUND', `No connector of the worker has a dead letter queue (${KEY}).`, {
    next: 'Name the topic: millrace dlq ls my-dlq',
  });
}
