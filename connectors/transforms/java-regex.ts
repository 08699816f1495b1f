/**
 * Java's regular expressions as far as configs in the wild use them: the syntax is mostly JavaScript's own; whole-match,
 * inline flags at the start, possessive quantifiers and replacement syntax are not.
 */

/** A pattern that must match the whole text. Throws SyntaxError. */
export function javaRegex(text: string): RegExp {
  const inline = /^\(\?([ims]+)\)/.exec(text);
  const body = inline === null ? text : text.slice(inline[0].length);
  return new RegExp(`^(?:${body.replace(/([*+?}])\+/g, '$1')})$`, inline?.[1] ?? '');
}

/** `$1`, `${name}`, `\$` in Java; `$1`, `$<name>`, `$$` here. */
export function javaReplacement(text: string): string {
  return text.replace(/\\(.)|\$\{([^}]+)\}|\$(?!\d)/g, (whole, escaped?: string, name?: string) => {
    if (escaped !== undefined) return escaped === '$' ? '$$' : escaped;
    if (name !== undefined) return `$<${name}>`;
    return whole === '$' ? '$$' : whole;
  });
}
