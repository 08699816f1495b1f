/**
 * The pieces of the schema page: what is made of the registry's answers. Knows no page and asks nobody.
 */
import { laidOut, lineDiff, near } from './schema-diff.js';

/** Lines of a schema shown around a change. */
const LINES_AROUND = 3;

/** An element with properties and children; texts become text. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element && key !== 'list') element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** What the registry's two checkers say of a change, the sound one first: it is about records. */
export function explained({ sound, changes, backward, forward }, { old, next }) {
  if (sound === undefined)
    return [el('p', { className: 'muted' }, 'What happens to records is known of JSON Schemas only.')];
  const levels = [
    ...(backward ? ['BACKWARD'] : []),
    ...(forward ? ['FORWARD'] : []),
    ...(backward && forward ? ['FULL'] : []),
    'NONE',
  ];
  return [
    el(
      'div',
      { className: 'verdicts' },
      verdict(
        `Records of ${old}, read with ${next}`,
        sound.new,
        `This record, valid yesterday, breaks`,
        `${next} refuses it`,
      ),
      verdict(
        `Records of ${next}, read with ${old}`,
        sound.old,
        `This record of tomorrow breaks for whoever is late`,
        `${old} refuses it`,
      ),
    ),
    el(
      'p',
      {},
      'By Confluent’s rules ',
      next,
      ' may follow ',
      old,
      ' under ',
      el('strong', {}, levels.join(', ')),
      '.',
    ),
    ...(changes.length > 0 ? [changesTable(changes)] : []),
  ];
}

function verdict(title, sound, breaks, refuses) {
  const card = el('div', { className: `verdict ${TONES[sound.verdict]}` }, el('h4', {}, title));
  if (sound.verdict === 'compatible') card.append(el('p', { className: 'state good' }, 'No record breaks: proven'));
  else if (sound.verdict === 'unknown') {
    card.append(el('p', { className: 'state warn' }, 'Not known'), el('p', {}, sound.reason));
  } else {
    card.append(
      el('p', { className: 'state bad' }, breaks),
      code(JSON.stringify(sound.record, null, 2)),
      el('p', {}, `${capital(refuses)}: `, el('strong', {}, sound.reason), '.'),
    );
  }
  return card;
}

const TONES = { compatible: 'fine', breaks: 'broken', unknown: 'open' };

function changesTable(changes) {
  const rows = changes.map(({ path: place, type, breaks, lenient, description }) =>
    el(
      'tr',
      {},
      el('td', {}, el('code', {}, place)),
      el('td', {}, words(type)),
      el(
        'td',
        {},
        breaks === null
          ? el('span', { className: 'state good' }, 'nobody')
          : el('span', { className: 'state bad', title: description }, breaks),
        lenient ? ' (not under LENIENT)' : '',
      ),
    ),
  );
  return table(['Where', 'What', 'Whom it breaks, by the rules'], rows);
}

export function diffOf(before, after) {
  const lines = near(lineDiff(laidOut(before), laidOut(after)), LINES_AROUND);
  const isSame = lines.every(({ kind }) => kind === 'gap');
  if (isSame) return el('p', { className: 'muted' }, 'The texts are the same but for white space.');
  const signs = { kept: ' ', removed: '−', added: '+' };
  const block = el(
    'pre',
    { className: 'diff', tabIndex: 0 },
    ...lines.map(({ kind, text, count }) =>
      kind === 'gap'
        ? el('span', { className: 'gap' }, `⋯ ${count} ${count === 1 ? 'line' : 'lines'} alike\n`)
        : el('span', { className: kind }, `${signs[kind]} ${text}\n`),
    ),
  );
  block.setAttribute('aria-label', 'Lines removed and added');
  return block;
}

export function usageCard(usage, version) {
  const card = el(
    'section',
    { className: 'card', 'aria-labelledby': 'usage-title' },
    el('h3', { id: 'usage-title' }, 'Who uses it'),
  );
  const uses = (usage?.versions ?? []).flatMap((each) => each.uses.map((use) => ({ ...use, version: each.version })));
  const referring = (usage?.versions ?? []).filter(({ referencedBy }) => referencedBy.length > 0);
  if (uses.length === 0)
    card.append(el('p', { className: 'muted' }, 'Nobody was seen with it since this process started.'));
  else {
    const rows = uses
      .sort((a, b) => b.lastSeen - a.lastSeen)
      .map((use) =>
        el(
          'tr',
          use.version === version ? { className: 'own' } : {},
          el('td', {}, use.client),
          el('td', {}, USES[use.use] ?? use.use, use.topic === null ? '' : ` to ${use.topic}`),
          el('td', { className: 'number' }, `version ${use.version}`),
          el('td', { className: 'number' }, use.count.toLocaleString('en')),
          el('td', { className: 'number' }, time(use.lastSeen)),
        ),
      );
    card.append(table(['Client', 'What it did', 'With', 'Times', 'Last'], rows, 2));
  }
  for (const { version: number, referencedBy } of referring) {
    card.append(el('p', {}, `Version ${number} is part of the schemas ${referencedBy.join(', ')}: they refer to it.`));
  }
  return card;
}

const USES = {
  produced: 'wrote records',
  registered: 'asked for its id, to write',
  fetched: 'fetched it by id, to read',
};

export function outcome({ against, level, is_compatible: isCompatible, messages }) {
  if (against === null) return 'It would be the first version.';
  if (!isCompatible && messages.every((message) => message.startsWith('{sound'))) {
    return 'It would be refused: a record breaks, and this subject takes no such schema.';
  }
  return isCompatible
    ? `It may follow version ${against}: ${level} allows it.`
    : `It would be refused: ${level} does not allow it.`;
}

export function recordsLine(records, schemaType) {
  if (schemaType !== 'JSON') return el('p', { className: 'muted' }, 'Real records are tried on JSON Schemas only.');
  if (records === null)
    return el(
      'p',
      { className: 'muted' },
      'There are no records to try it on: no topic has the name, or it is not yours to read.',
    );
  const { topic, tried: count, refused, examples } = records;
  const all = `${count.toLocaleString('en')} last ${count === 1 ? 'record' : 'records'} of ${topic}`;
  if (count === 0) return el('p', { className: 'muted' }, `The topic ${topic} has no record to try it on.`);
  if (refused === 0) return el('p', { className: 'state good' }, `It takes all of the ${all}.`);
  return el(
    'div',
    {},
    el('p', { className: 'state bad' }, `It would refuse ${refused.toLocaleString('en')} of the ${all}:`),
    el(
      'ul',
      { className: 'examples' },
      ...examples.map(({ place, reason }) => el('li', {}, el('code', {}, place), `: ${reason}`)),
    ),
  );
}

function table(heads, rows, firstNumber = heads.length) {
  const cells = heads.map((head, index) =>
    el('th', { scope: 'col', className: index >= firstNumber ? 'number' : '' }, head),
  );
  return el('table', {}, el('thead', {}, el('tr', {}, ...cells)), el('tbody', {}, ...rows));
}

export function code(text) {
  return el('pre', { className: 'code', tabIndex: 0 }, text);
}

export function problem(error) {
  return el(
    'p',
    { className: 'state bad problem', role: 'alert' },
    error.code === undefined ? error.message : `${error.message} (${error.code})`,
  );
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL` for people. */
function words(type) {
  return capital(type.toLowerCase().replaceAll('_', ' '));
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function time(ms) {
  return clock.format(new Date(ms));
}
