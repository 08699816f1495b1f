/**
 * Our own sources, as the house test reads them: their imports, their functions, their text.
 *
 * No parser: Node strips the types (and refuses syntax that cannot be erased), and a scanner of a hundred lines that
 * knows strings, templates, comments and brackets finds the rest. Good for our formatted code, not for any code.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The code as JavaScript; every line where it was. */
  readonly code: string;
}

export interface SourceFunction {
  /** 1-based. */
  readonly line: number;
  readonly lines: number;
}

/** Reads one file. Throws when its syntax is not erasable. */
export function readSource(root: string, path: string): SourceFile {
  const text = readFileSync(`${root}/${path}`, 'utf8');
  return { path, text, code: path.endsWith('.ts') ? stripTypeScriptTypes(text) : text };
}

/** Every module a file names: `import`, `export … from`, `import type` and `import('…')`, comments aside. */
export function importsOf(file: SourceFile): string[] {
  const text = blanked(file.text, { keepStrings: true });
  const pattern = /(?:^|[;}\s])(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*'([^']+)'|\bimport\(\s*'([^']+)'/g;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2]!);
}

/** Every function body with braces, with the lines from its head's line to its closing brace. */
export function functionsOf(file: SourceFile): SourceFunction[] {
  const code = blanked(file.code, { keepStrings: false });
  const opened: { position: number; isFunction: boolean }[] = [];
  const functions: SourceFunction[] = [];
  const lineAt = lineFinder(code);
  for (let i = 0; i < code.length; i++) {
    if (code[i] === '{') opened.push({ position: i, isFunction: opensFunction(code, i) });
    if (code[i] !== '}') continue;
    const open = opened.pop();
    if (open === undefined || !open.isFunction) continue;
    const line = lineAt(open.position);
    functions.push({ line, lines: lineAt(i) - line + 1 });
  }
  return functions;
}

/** A brace opens a function after `=>`, or after a `)` whose `(` follows neither a keyword of control nor nothing. */
function opensFunction(code: string, brace: number): boolean {
  const before = code.slice(0, brace).trimEnd();
  if (before.endsWith('=>')) return true;
  if (!before.endsWith(')')) return false;
  const head = before.slice(0, matchingParenthesis(before)).trimEnd();
  return !/\b(if|for|while|switch|catch|with|await)$/.test(head);
}

function matchingParenthesis(text: string): number {
  let depth = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    if (text[i] === ')') depth++;
    if (text[i] === '(' && --depth === 0) return i;
  }
  return 0;
}

function lineFinder(text: string): (position: number) => number {
  const starts = [0];
  for (let i = 0; i < text.length; i++) if (text[i] === '\n') starts.push(i + 1);
  return (position) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= position) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

/** The text with comments (and strings, templates and regular expressions) blanked out, every line kept. */
export function blanked(text: string, options: { keepStrings: boolean }): string {
  const out: string[] = [];
  // Depths of braces at which a template's `${` began: its `}` leads back into the template.
  const templates: number[] = [];
  let braces = 0;
  let i = 0;
  const skip = (end: number, keep: boolean) => {
    const piece = text.slice(i, end);
    out.push(keep ? piece : piece.replace(/[^\n]/g, ' '));
    i = end;
  };
  while (i < text.length) {
    const char = text[i]!;
    const next = text[i + 1];
    if (char === '/' && next === '/') skip(endOf(text, '\n', i), false);
    else if (char === '/' && next === '*') skip(endOf(text, '*/', i + 2) + 2, false);
    else if (char === "'" || char === '"') skip(endOfString(text, i), options.keepStrings);
    else if (char === '`' || (char === '}' && templates.at(-1) === braces)) {
      const end = endOfTemplatePart(text, i + 1);
      if (char === '}') templates.pop();
      if (text[end - 1] === '{') templates.push(braces);
      skip(end, false);
    } else if (char === '/' && startsRegExp(out, text, i)) skip(endOfRegExp(text, i), false);
    else {
      if (char === '{') braces++;
      if (char === '}') braces--;
      out.push(char);
      i++;
    }
  }
  return out.join('');
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end === -1 ? text.length : end;
}

function endOfString(text: string, start: number): number {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote || text[i] === '\n') return i + 1;
  }
  return text.length;
}

/** Just after the closing backtick, or just after the `${` that interrupts the template. */
function endOfTemplatePart(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '`') return i + 1;
    else if (text[i] === '$' && text[i + 1] === '{') return i + 2;
  }
  return text.length;
}

/** A slash begins a regular expression where a value may begin. */
function startsRegExp(out: readonly string[], text: string, at: number): boolean {
  if (text[at + 1] === '=' && /[\w)\]]/.test(out.at(-2) ?? '')) return false;
  const before = out.slice(-12).join('').trimEnd();
  return before === '' || /[(,=:[!&|?{};+>~^-]$/.test(before) || /\b(return|typeof|case|in|of)$/.test(before);
}

function endOfRegExp(text: string, start: number): number {
  let isInClass = false;
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '\n') return start + 1;
    else if (text[i] === '[') isInClass = true;
    else if (text[i] === ']') isInClass = false;
    else if (text[i] === '/' && !isInClass) return i + 1;
  }
  return text.length;
}
