/** Media types of the registry's API: which one to answer in, and how to read a body. Pure. */

export const SCHEMA_REGISTRY_V1 = 'application/vnd.schemaregistry.v1+json';

/** What the registry answers in, dearest first. */
const ANSWERED = [SCHEMA_REGISTRY_V1, 'application/vnd.schemaregistry+json', 'application/json'] as const;

/** What a request body may be; octet-stream is what a body without a type counts as. */
export const ACCEPTED_BODIES: readonly string[] = [...ANSWERED, 'application/octet-stream'];

/** The type to answer in for an `Accept` header; null means 406. */
export function answerType(accept: string | undefined): string | null {
  if (accept === undefined || accept === '' || accept === '*/*') return SCHEMA_REGISTRY_V1;
  if (accept === SCHEMA_REGISTRY_V1) return SCHEMA_REGISTRY_V1;
  let best: string | null = null;
  let bestQuality = 0;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = qualityOf(parameters);
    const answer = ANSWERED.find((known) => matches(type, known));
    if (answer === undefined || quality <= bestQuality) continue;
    best = answer;
    bestQuality = quality;
  }
  return best;
}

function matches(range: string, type: string): boolean {
  return range === type || range === '*' || range.startsWith('*/') || range === 'application/*';
}

function qualityOf(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = q === undefined ? 1 : Number(q.slice(2));
  return Number.isFinite(quality) ? quality : 0;
}

/** The text of a body in the charset its content type names; UTF-8 when it names none. Throws RangeError for an unknown one. */
export function bodyText(body: Buffer, contentType: string | undefined): string {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(contentType ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset)
    ? body.toString('utf8')
    : new TextDecoder(charset).decode(body);
}
