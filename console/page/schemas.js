/**
 * The schema page: subjects, their versions, what each change means for real records, who uses what, and a box to try a schema
 * before anybody meets it.
 *
 * A client of the registry's API under api/registry/, and of nothing else; it changes nothing. Everything is written as text,
 * never as HTML. Subject, version and what it is compared with live in the URL, so a link shows the same.
 */
import { code, diffOf, el, explained, outcome, problem, recordsLine, time, usageCard } from './schema-cards.js';
import { laidOut } from './schema-diff.js';

/** Subjects the list shows at most; the filter finds the others. */
const MAX_SUBJECTS = 500;
/** Real records a schema is tried on. */
const RECORDS = 1000;

const filter = document.querySelector('#filter');
const list = document.querySelector('#subjects ul');
const detail = document.querySelector('#detail');
const view = new URLSearchParams(window.location.search);

let subjects = [];
/** What is shown of the chosen subject; null while none is. */
let shown = null;
/** Counts choices: an answer to an earlier one is not shown any more. */
let turn = 0;

async function ask(path, body) {
  const options =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`api/registry/${path}`, options);
  const answer = await response.json().catch(() => ({ message: `The answer was no JSON (${response.status}).` }));
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.message ?? `The registry answered ${response.status}.`), {
    code: answer.error_code,
  });
}

const path = (subject) => `subjects/${encodeURIComponent(subject)}`;

/* The list of subjects. */

function showSubjects() {
  const wanted = filter.value.trim().toLowerCase();
  const matching = subjects.filter((subject) => subject.toLowerCase().includes(wanted));
  const some = matching.slice(0, MAX_SUBJECTS);
  document.querySelector('#subjects .count').textContent =
    some.length === subjects.length ? `${subjects.length}` : `${some.length} of ${subjects.length}`;
  document.querySelector('#subjects .empty').hidden = subjects.length > 0;
  list.replaceChildren(
    ...some.map((subject) => {
      const link = el('a', { href: `?subject=${encodeURIComponent(subject)}` }, subject);
      if (subject === view.get('subject')) link.setAttribute('aria-current', 'true');
      link.addEventListener('click', (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose({ subject });
      });
      return el('li', {}, link);
    }),
  );
}

/** Shows a subject, a version of it, or what that is compared with; what is not named is the latest, and the one before. */
function choose({ subject, version = null, from = null }) {
  view.set('subject', subject);
  for (const [key, value] of [
    ['version', version],
    ['from', from],
  ]) {
    if (value === null) view.delete(key);
    else view.set(key, value);
  }
  keepInUrl(true);
  showSubjects();
  void showSubject();
}

function keepInUrl(isStep) {
  if (filter.value === '') view.delete('filter');
  else view.set('filter', filter.value);
  const url = view.size === 0 ? window.location.pathname : `?${view}`;
  if (isStep) window.history.pushState(null, '', url);
  else window.history.replaceState(null, '', url);
}

/* One subject. */

async function showSubject() {
  const subject = view.get('subject');
  const mine = ++turn;
  if (subject === null) {
    detail.replaceChildren(el('p', { className: 'hint muted' }, 'Choose a subject.'));
    return;
  }
  document.title = `${subject} – Millrace`;
  try {
    const [versions, config, usage] = await Promise.all([
      ask(`${path(subject)}/versions`),
      ask(`config/${encodeURIComponent(subject)}?defaultToGlobal=true`).catch(() => ({})),
      ask(`${path(subject)}/usage`).catch(() => null),
    ]);
    const version = Number(view.get('version') ?? versions.at(-1));
    const text = await ask(`${path(subject)}/versions/${version}`);
    if (mine !== turn) return;
    const draft = shown?.subject === subject ? shown.draft : null;
    shown = { subject, versions, version, draft };
    const before = versions.findLast((each) => each < version);
    const from = Number(view.get('from') ?? before ?? 0);
    const changes = el('section', { className: 'card' }, el('p', { className: 'muted' }, 'Comparing…'));
    changes.setAttribute('aria-labelledby', 'changes-title');
    detail.replaceChildren(
      heading(subject, text, config),
      versionBar(subject, versions, version),
      changes,
      usageCard(usage, version),
      tryCard(subject, text, draft),
    );
    await showChanges(changes, { subject, versions, version, from, text }, mine);
  } catch (error) {
    if (mine === turn) detail.replaceChildren(problem(error));
  }
}

function heading(subject, { schemaType, id, ts, references = [] }, config) {
  const facts = [
    ['Type', schemaType ?? 'AVRO'],
    ['Level', config.compatibilityLevel ?? 'BACKWARD'],
    ['A record that breaks', config.soundPolicy === 'REFUSE' ? 'is refused' : 'is only shown'],
    ['Schema id', String(id)],
    ['Registered', ts ? time(ts) : '–'],
    ...(references.length > 0
      ? [['Refers to', references.map((each) => `${each.subject} ${each.version}`).join(', ')]]
      : []),
  ];
  return el(
    'div',
    { className: 'subject' },
    el('h2', {}, subject),
    el(
      'dl',
      { className: 'facts' },
      ...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
    ),
  );
}

function versionBar(subject, versions, version) {
  const buttons = versions.toReversed().map((each) => {
    const button = el('button', { type: 'button' }, `Version ${each}`);
    button.setAttribute('aria-pressed', String(each === version));
    button.addEventListener('click', () => choose({ subject, version: each }));
    return button;
  });
  return el('div', { className: 'versions', role: 'group', 'aria-label': 'Versions, the latest first' }, ...buttons);
}

async function showChanges(card, { subject, versions, version, from, text }, mine) {
  const title = el('h3', { id: 'changes-title' });
  if (from === 0) {
    title.textContent = `Version ${version} is the first`;
    card.replaceChildren(title, code(laidOut(text.schema)));
    return;
  }
  const [changes, before] = await Promise.all([
    ask(`${path(subject)}/versions/${version}/changes?from=${from}`).catch((error) => ({ error })),
    ask(`${path(subject)}/versions/${from}`),
  ]);
  if (mine !== turn) return;
  const others = versions.filter((each) => each !== version);
  const select = el(
    'select',
    { id: 'from' },
    ...others.toReversed().map((each) => el('option', { value: each, selected: each === from }, `version ${each}`)),
  );
  select.addEventListener('change', () => choose({ subject, version, from: Number(select.value) }));
  title.append(`Version ${version}, compared with `, select);
  select.setAttribute('aria-label', 'compared with');
  const names = { old: `version ${from}`, next: `version ${version}` };
  card.replaceChildren(
    title,
    ...(changes.error === undefined ? explained(changes, names) : [problem(changes.error)]),
    diffOf(before.schema, text.schema),
  );
}

/* The box to try a schema. */

function tryCard(subject, { schema, schemaType }, draft) {
  const area = el('textarea', { id: 'try', spellcheck: false, rows: 14, value: draft ?? laidOut(schema) });
  area.setAttribute('aria-describedby', 'try-hint');
  const button = el('button', { type: 'button', className: 'main' }, 'Check');
  const result = el('div', { className: 'result', 'aria-live': 'polite' });
  const check = () => void tried({ subject, schemaType, area, button, result });
  button.addEventListener('click', check);
  area.addEventListener('input', () => {
    if (shown !== null) shown.draft = area.value;
  });
  area.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) check();
  });
  return el(
    'section',
    { className: 'card', 'aria-labelledby': 'try-title' },
    el('h3', {}, el('label', { htmlFor: 'try', id: 'try-title' }, 'Try a schema before you register it')),
    el(
      'p',
      { className: 'muted', id: 'try-hint' },
      `It is held against the last version and the last ${RECORDS.toLocaleString('en')} real records. Nothing is registered.`,
    ),
    area,
    el('p', {}, button, ' ', el('kbd', {}, 'Ctrl'), ' ', el('kbd', {}, 'Enter')),
    result,
  );
}

async function tried({ subject, schemaType = 'AVRO', area, button, result }) {
  button.disabled = true;
  result.replaceChildren(el('p', { className: 'muted' }, 'Checking…'));
  try {
    const answer = await ask(`${path(subject)}/try?last=${RECORDS}`, { schemaType, schema: area.value });
    const before = answer.against === null ? null : await ask(`${path(subject)}/versions/${answer.against}`);
    const names = { old: `version ${answer.against}`, next: 'this schema' };
    result.replaceChildren(
      el('p', { className: `state outcome ${answer.is_compatible ? 'good' : 'bad'}` }, outcome(answer)),
      recordsLine(answer.records, schemaType),
      ...(before === null ? [] : explained(answer, names)),
      ...(before === null ? [] : [diffOf(before.schema, area.value)]),
      answer.is_compatible
        ? el('p', {}, 'Register it: ', el('code', {}, `millrace schema register ${subject} schema.json`))
        : '',
    );
  } catch (error) {
    result.replaceChildren(problem(error));
  }
  button.disabled = false;
}

/* Keys, and the way back. */

function step(by) {
  const links = [...list.querySelectorAll('a')];
  const at = links.findIndex((link) => link.hasAttribute('aria-current'));
  const next = links[Math.min(links.length - 1, Math.max(0, at + by))];
  next?.click();
  list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
}

function stepVersion(by) {
  if (shown === null) return;
  const version = shown.versions[shown.versions.indexOf(shown.version) + by];
  if (version !== undefined) choose({ subject: shown.subject, version });
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  '[': () => stepVersion(-1),
  ']': () => stepVersion(1),
  t: () => document.querySelector('#try')?.focus(),
  '/': () => filter.focus(),
};
document.addEventListener('keydown', (event) => {
  if (event.target instanceof Element && event.target.matches('input, textarea, select')) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
filter.value = view.get('filter') ?? '';
filter.addEventListener('input', () => {
  keepInUrl(false);
  showSubjects();
});
window.addEventListener('popstate', () => {
  for (const key of [...view.keys()]) view.delete(key);
  for (const [key, value] of new URLSearchParams(window.location.search)) view.set(key, value);
  filter.value = view.get('filter') ?? '';
  showSubjects();
  void showSubject();
});

try {
  subjects = await ask('subjects');
  if (view.get('subject') === null && subjects.length > 0) view.set('subject', subjects[0]);
  showSubjects();
  await showSubject();
} catch (error) {
  detail.replaceChildren(problem(error));
}
