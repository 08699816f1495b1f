/**
 * What differs between two schema texts, line by line, after both are laid out the same way. Pure; no page, no registry.
 */

/** Lines of each side that are compared; beyond it everything is called changed. */
const MAX_LINES = 1500;

/** A schema's text, one member a line; a text that is no JSON stays as it is. */
export function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Lines in order, each `kept`, `removed` or `added`; removed ones before the added ones in their place. */
export function lineDiff(before, after) {
  const [old, next] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < old.length && head < next.length && old[head] === next[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < next.length - head && old.at(-1 - tail) === next.at(-1 - tail)) tail++;
  const line = (kind) => (text) => ({ kind, text });
  return [
    ...old.slice(0, head).map(line('kept')),
    ...middle(old.slice(head, old.length - tail), next.slice(head, next.length - tail)),
    ...old.slice(old.length - tail).map(line('kept')),
  ];
}

/** The longest common subsequence, by the table that everybody knows; what is alike at both ends is gone already. */
function middle(old, next) {
  const line = (kind) => (text) => ({ kind, text });
  if (old.length > MAX_LINES || next.length > MAX_LINES)
    return [...old.map(line('removed')), ...next.map(line('added'))];
  const width = next.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        old[i] === next[j]
          ? lengths[(i + 1) * width + j + 1] + 1
          : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < next.length) {
    if (i < old.length && j < next.length && old[i] === next[j]) {
      lines.push({ kind: 'kept', text: old[i++] });
      j++;
    } else if (j === next.length || (i < old.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) {
      lines.push({ kind: 'removed', text: old[i++] });
    } else lines.push({ kind: 'added', text: next[j++] });
  }
  return lines;
}

/** The changed lines with `around` lines of what is near them; `{ kind: 'gap', count }` where others are left out. */
export function near(lines, around) {
  const isNear = lines.map(() => false);
  lines.forEach(({ kind }, index) => {
    if (kind === 'kept') return;
    for (let i = Math.max(0, index - around); i <= Math.min(lines.length - 1, index + around); i++) isNear[i] = true;
  });
  const shown = [];
  lines.forEach((line, index) => {
    if (isNear[index]) shown.push(line);
    else if (shown.at(-1)?.kind === 'gap') shown.at(-1).count++;
    else shown.push({ kind: 'gap', count: 1 });
  });
  return shown;
}
