/**
 * Java's regular expressions as far as configs in the wild use them: the syntax is mostly JavaScript's own; whole-match,
 * inline flags at the start, possessive quantifiers and replacement syntax are not.
 */

/** Java's POSIX classes, which JavaScript has not. */
const classes: Readonly<Record<string, string>> = {
  Lower: '[a-z]',
  Upper: '[A-Z]',
  Alpha: '[a-zA-Z]',
  Digit: '[0-9]',
  Alnum: '[a-zA-Z0-9]',
  XDigit: '[0-9a-fA-F]',
  Space: '\\s',
  Punct: '[!-/:-@\\[-`{-~]',
};

/** A pattern that must match the whole text, with these flags beside its own. Throws SyntaxError. */
export function javaRegex(text: string, flags = ''): RegExp {
  const inline = /^\(\?([ims]+)\)/.exec(text);
  const body = inline === null ? text : text.slice(inline[0].length);
  const plain = body
    .replace(/\\p\{(\w+)\}/g, (whole, name: string) => classes[name] ?? whole)
    .replace(/([*+?}])\+/g, '$1');
  return new RegExp(`^(?:${plain})$`, [...new Set(flags + (inline?.[1] ?? ''))].join(''));
}

/** A sentence without its subject about what is wrong with such a pattern, or null: for a key's `validate`. */
export function javaRegexProblem(text: string): string | null {
  try {
    javaRegex(text);
    return null;
  } catch (error) {
    return `is no regular expression (${(error as Error).message})`;
  }
}

/** `$1`, `${name}`, `\$` in Java; `$1`, `$<name>`, `$$` here. */
export function javaReplacement(text: string): string {
  return text.replace(/\\(.)|\$\{([^}]+)\}|\$0|\$(?!\d)/g, (whole, escaped?: string, name?: string) => {
    if (escaped !== undefined) return escaped === '$' ? '$$' : escaped;
    if (name !== undefined) return `$<${name}>`;
    if (whole === '$0') return '$&';
    return whole === '$' ? '$$' : whole;
  });
}
