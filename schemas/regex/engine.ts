/** The one place where a schema's regular expression becomes something that matches. */

export interface Matcher {
  test(text: string): boolean;
}

const made = new Map<string, Matcher>();
/** Matchers kept; a schema has a handful. */
const KEPT_MAX = 2000;

/** Throws SyntaxError for what is no regular expression. */
export function matcherOf(pattern: string): Matcher {
  let matcher = made.get(pattern);
  if (matcher === undefined) {
    matcher = compile(pattern);
    if (made.size >= KEPT_MAX) made.delete(made.keys().next().value!);
    made.set(pattern, matcher);
  }
  return matcher;
}

function compile(pattern: string): Matcher {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}
