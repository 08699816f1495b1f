/**
 * What Tools.java printed, command by command, without what differs from run to run: ids, times, sizes, speeds, addresses,
 * the order of lists, stack traces, and the wording of errors (whose kind is kept).
 */

export interface ToolOutput {
  readonly command: string;
  readonly lines: readonly string[];
  readonly code: string;
}

/** `$ command`, its lines indented, `= code`. */
export function outputsIn(text: string): ToolOutput[] {
  const outputs: ToolOutput[] = [];
  let command = '';
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('$ ')) {
      command = line.slice(2);
      lines = [];
    } else if (line.startsWith('= ')) {
      outputs.push({ command, lines: steady(lines), code: line.slice(2) });
    } else {
      lines.push(line);
    }
  }
  return outputs;
}

export function textOf(outputs: readonly ToolOutput[]): string {
  return outputs
    .map(({ command, lines, code }) =>
      [`$ ${command}`, ...lines.map((line) => `  ${line}`), `= ${code}`, ''].join('\n'),
    )
    .join('');
}

const noise = /SLF4J|^\s*at |^\s*Caused by|ended with|deprecated|^\s*$/;
/** The message after it is the broker's own. */
const ownWords = /(Error while executing [a-z ]+command|errors\.[A-Za-z]+Exception|Exception) ?:.*/;

function steady(lines: readonly string[]): string[] {
  return lines
    .filter((line) => !noise.test(line))
    .map((line) =>
      line
        .trim()
        .replace(ownWords, '$1: …')
        .replace(/\b(127\.0\.0\.1|localhost)[: ]\d+/g, 'HOST')
        .replace(/(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_.-])/g, 'ID')
        .replace(/\b\d{13}\b/g, 'TIME')
        .replace(/\d{4}[/-]\d\d[/-]\d\d[ T]\d\d:\d\d:\d\d[:.]\d{3}/g, 'TIME')
        .replace(/synonyms=\{DEFAULT_CONFIG[^}]*\}/g, 'synonyms={}')
        .replace(/, DEFAULT_CONFIG:[^}]*\}/g, '}')
        .replace(/"size":\d+/g, '"size":N')
        .replace(/"(logDir|log_dirs)":("[^"]*"|\["[^"]*"\])/g, '"$1":DIR')
        .replace(/(verified-new|verified|console-consumer)-[0-9a-f-]{36}/g, '$1-MEMBER')
        .replace(/\s+/g, ' '),
    )
    .sort();
}
