/**
 * `/contexts/{context}/…` as Confluent's server has it: the same endpoints, with the context written into the names.
 *
 * Pure: one URL to another.
 */
import { DEFAULT_CONTEXT } from '../subject-name.ts';

/** Where a subject follows in the path. */
const WITH_SUBJECT = /^\/(subjects|config|mode|compatibility\/subjects)\/([^/]+)(.*)$/;

/** The URL to route instead; any other URL as it is. */
export function withoutContextPath(url: string): string {
  const match = /^\/contexts\/([^/?]+)(\/[^?]+)(\?.*)?$/.exec(url);
  if (match === null) return url;
  const [, encoded = '', path = '', query = ''] = match;
  const context = contextNamed(decode(encoded));
  if (context === null) return `/invalid-context/${encoded}`;
  const prefix = context === DEFAULT_CONTEXT ? '' : `:${context}:`;

  const withSubject = WITH_SUBJECT.exec(path);
  if (withSubject !== null) {
    const [, room = '', subject = '', rest = ''] = withSubject;
    return `/${room}/${encodeURIComponent(qualified(prefix, decode(subject)))}${rest}${query}`;
  }
  if (/^\/(config|mode)\/?$/.test(path)) {
    return prefix === '' ? `${path}${query}` : `${path.replace(/\/$/, '')}/${encodeURIComponent(prefix)}${query}`;
  }
  const parameter = /^\/(subjects|schemas)\/?$/.test(path) ? 'subjectPrefix' : 'subject';
  return `${path}?${withQualified(query, parameter, prefix)}`;
}

/** A context as a path names it, `.dev`, `dev` or `:.dev:`; null for what is none. */
export function contextNamed(text: string): string | null {
  const bare = text.replace(/^:/, '').replace(/:$/, '');
  const context = bare.startsWith('.') ? bare : `.${bare}`;
  return /^\.[\p{L}\p{N}_.-]*$/u.test(context) ? context : null;
}

function withQualified(query: string, parameter: string, prefix: string): string {
  const parameters = new URLSearchParams(query);
  parameters.set(parameter, qualified(prefix, parameters.get(parameter) ?? ''));
  return parameters.toString();
}

function qualified(prefix: string, name: string): string {
  return name.startsWith(':.') || name.startsWith(':*:') ? name : prefix + name;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
