/**
 * The status page: reads the overview as it comes and keeps four tables in step with it.
 *
 * No framework and no build step. Rows are kept by name, so that focus, selection and what is unfolded survive the next
 * sample. Everything is written as text, never as HTML. The filter lives in the URL, so a link shows the same.
 */

/** Rows a table shows at most; the filter finds the others. */
const MAX_ROWS = 500;
/** Samples a sparkline shows, one a second. */
const HISTORY = 60;

const filter = document.querySelector('#filter');
const internal = document.querySelector('#internal');
const history = new Map();
let latest = null;

const tables = {
  connectors: {
    name: (connector) => connector.name,
    cells: (connector) => [
      named(connector.name),
      state(connectorState(connector)),
      text(connector.type),
      text(connector.class),
      tasks(connector.tasks),
      number(rate(connector.recordsPerSecond)),
      number(count(connector.records)),
      number(count(connector.errors)),
      number(count(connector.deadLettered)),
    ],
    cause: (connector) =>
      connector.trace ??
      connector.tasks
        .filter((task) => task.trace)
        .map((task) => `Task ${task.id}: ${task.trace}`)
        .join('\n'),
  },
  topics: {
    name: (topic) => topic.topic,
    isShown: (topic) => internal.checked || !topic.isInternal,
    cells: (topic) => [
      named(topic.topic),
      number(count(topic.partitions)),
      number(count(topic.records)),
      number(size(topic.bytes)),
      number(rate(topic.recordsPerSecond)),
      spark(history.get(topic.topic) ?? []),
    ],
  },
  groups: {
    name: (group) => group.group,
    cells: (group) => [
      named(group.group),
      state(group.state),
      number(count(group.members)),
      number(count(group.lag)),
      text(group.topics.join(', ')),
    ],
  },
  subjects: {
    name: (subject) => subject.subject,
    cells: (subject) => [
      linked(subject.subject, `schemas?subject=${encodeURIComponent(subject.subject)}`),
      number(count(subject.version)),
      number(count(subject.id)),
      text(subject.schemaType),
      text(subject.compatibility),
    ],
  },
};

for (const [id, table] of Object.entries(tables)) {
  const section = document.querySelector(`#${id}`);
  table.body = section.querySelector('tbody');
  table.count = section.querySelector('.count');
  table.empty = section.querySelector('.empty');
  table.element = section.querySelector('table');
  table.rows = new Map();
}

function show(overview) {
  latest = overview;
  for (const topic of overview.topics ?? []) remember(topic.topic, topic.recordsPerSecond);
  showFacts(overview);
  showProblems(overview.problems);
  render();
}

function render() {
  if (latest === null) return;
  for (const [id, table] of Object.entries(tables)) renderTable(table, latest[id]);
}

function renderTable(table, items) {
  const wanted = filter.value.trim().toLowerCase();
  const all = (items ?? []).filter(table.isShown ?? (() => true));
  const matching = all.filter((item) => table.name(item).toLowerCase().includes(wanted));
  const shown = matching.slice(0, MAX_ROWS);
  setText(table.count, items === undefined ? 'not available' : counted(shown.length, all.length));
  table.empty.hidden = items === undefined || all.length > 0;
  table.element.hidden = all.length === 0;

  const before = table.rows;
  table.rows = new Map();
  let place = table.body.firstChild;
  for (const item of shown) {
    const row = before.get(table.name(item)) ?? newRow();
    before.delete(table.name(item));
    table.rows.set(table.name(item), row);
    fill(row, table, item);
    for (const element of [row.main, row.cause]) {
      if (element === place) place = place.nextSibling;
      else table.body.insertBefore(element, place);
    }
  }
  for (const row of before.values()) {
    row.main.remove();
    row.cause.remove();
  }
}

function newRow() {
  return { main: document.createElement('tr'), cause: newCause(), cells: [] };
}

function newCause() {
  const row = document.createElement('tr');
  row.className = 'cause';
  row.hidden = true;
  const cell = row.appendChild(document.createElement('td'));
  cell.colSpan = 20;
  const details = cell.appendChild(document.createElement('details'));
  details.append(document.createElement('summary'), document.createElement('pre'));
  return row;
}

function fill(row, table, item) {
  const cells = table.cells(item);
  while (row.cells.length < cells.length) row.cells.push(row.main.appendChild(document.createElement('td')));
  cells.forEach((cell, index) => {
    cell(row.cells[index]);
  });
  const cause = table.cause?.(item) ?? '';
  row.cause.hidden = cause === '';
  if (cause === '') return;
  const [first] = cause.split('\n');
  setText(row.cause.querySelector('summary'), first);
  setText(row.cause.querySelector('pre'), cause);
}

/** A connector runs on when a task of its fails; the row should not look as if nothing were wrong. */
function connectorState(connector) {
  const isBroken = connector.tasks.some((task) => task.state === 'FAILED');
  return isBroken && connector.state === 'RUNNING' ? 'DEGRADED' : connector.state;
}

/* A cell is a function that brings a td up to date. */

function text(value) {
  return (cell) => setText(cell, value ?? '–');
}
function named(value) {
  return (cell) => {
    setText(cell, value);
    setClass(cell, 'name');
  };
}
function linked(value, href) {
  return (cell) => {
    const link = cell.firstChild ?? cell.appendChild(document.createElement('a'));
    if (link.getAttribute('href') !== href) link.setAttribute('href', href);
    setText(link, value);
    setClass(cell, 'name');
  };
}
function number(value) {
  return (cell) => {
    setText(cell, value);
    setClass(cell, 'number');
  };
}
function state(value) {
  return (cell) => {
    const label = cell.firstChild ?? cell.appendChild(document.createElement('span'));
    setText(label, word(value));
    setClass(label, `state ${toneOf(value)}`);
  };
}
function tasks(list) {
  const running = list.filter((task) => task.state === 'RUNNING').length;
  const failed = list.filter((task) => task.state === 'FAILED').length;
  const words = `${running} of ${list.length} running${failed > 0 ? `, ${failed} failed` : ''}`;
  const shown = list.filter((task) => task.figures !== undefined);
  return (cell) => {
    if (cell.firstChild === null) cell.appendChild(document.createElement('span'));
    setText(cell.firstChild, words);
    while (cell.children.length > shown.length + 1) cell.lastChild.remove();
    while (cell.children.length < shown.length + 1) cell.appendChild(newFigures());
    shown.forEach((task, index) => {
      fillFigures(cell.children[index + 1], task, list.length > 1);
    });
  };
}
function newFigures() {
  const block = document.createElement('div');
  block.className = 'figures';
  block.append(document.createElement('progress'), document.createElement('span'));
  return block;
}
/** The snapshot as a bar and a line; where none is read, how far behind the source the task is. */
function fillFigures(block, { id, figures }, isNamed) {
  const [bar, line] = block.children;
  const isSnapshot = figures.snapshot_running === 1;
  const expected = figures.snapshot_rows_expected;
  bar.hidden = !isSnapshot || expected === undefined;
  bar.setAttribute('aria-label', `Snapshot of task ${id}`);
  bar.max = Math.max(1, expected ?? 1);
  bar.value = figures.snapshot_rows ?? 0;
  const words = isSnapshot ? snapshotWords(figures) : behindWords(figures);
  block.hidden = words === '';
  setText(line, isNamed ? `Task ${id}: ${words}` : words);
}
function snapshotWords(figures) {
  const { snapshot_rows: rows, snapshot_rows_expected: expected, snapshot_rows_per_second: perSecond } = figures;
  const left = figures.snapshot_seconds_left;
  return [
    `Snapshot: ${count(rows)}${expected === undefined ? '' : ` of about ${count(expected)}`} rows`,
    ...(perSecond === undefined ? [] : [`${count(perSecond)} rows/s`]),
    ...(left === undefined ? [] : [`${duration(left * 1000)} left`]),
  ].join(', ');
}
function behindWords({ milliseconds_behind_source: behind }) {
  return behind === undefined || behind < 1000 ? '' : `${duration(behind)} behind the source`;
}
function spark(values) {
  return (cell) => {
    const svg = cell.firstChild ?? cell.appendChild(newSpark());
    const most = Math.max(...values, 1);
    const points = values.map((value, index) => {
      const x = 120 - (values.length - 1 - index) * (120 / (HISTORY - 1));
      return `${x.toFixed(1)},${(20 - (value / most) * 18).toFixed(1)}`;
    });
    svg.firstChild.setAttribute('d', points.length < 2 ? '' : `M${points.join('L')}`);
  };
}
function newSpark() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 120 22');
  svg.setAttribute('class', 'spark');
  // The column of rates beside it says the same in numbers.
  svg.setAttribute('aria-hidden', 'true');
  svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
  return svg;
}

function toneOf(value) {
  if (/FAILED|DEAD|UNKNOWN/i.test(value)) return 'bad';
  if (/RUNNING|STABLE/i.test(value)) return 'good';
  if (/PAUSED|STOPPED|EMPTY|UNASSIGNED/i.test(value)) return 'idle';
  return 'warn';
}

function word(value) {
  const plain = value.replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ');
  return plain.charAt(0).toUpperCase() + plain.slice(1).toLowerCase();
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

function count(value) {
  return value === undefined || value === null ? '–' : whole.format(value);
}
function rate(value) {
  return value === undefined || value === null ? '–' : (value >= 100 ? whole : fine).format(value);
}
function size(bytes) {
  if (bytes === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${(unit === 0 ? whole : fine).format(value)} ${units[unit]}`;
}
function counted(shown, all) {
  return shown === all ? `${all}` : `${shown} of ${all}`;
}
function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const words = parts.map((part, index) => (part > 0 ? `${part} ${['d', 'h', 'min'][index]}` : '')).filter(Boolean);
  return [...words.slice(0, 2), ...(words.length < 2 ? [`${seconds % 60} s`] : [])].join(' ');
}

function remember(topic, value) {
  const values = history.get(topic) ?? [];
  if (typeof value === 'number') values.push(value);
  history.set(topic, values.slice(-HISTORY));
}

function showFacts({ addresses, at, startedAt, version, topics, connectors }) {
  setText(document.querySelector('#version'), version);
  const failed = (connectors ?? []).filter(
    (connector) => connector.state === 'FAILED' || connector.tasks.some((task) => task.state === 'FAILED'),
  ).length;
  const perSecond = (topics ?? []).reduce(
    (sum, topic) => sum + (topic.isInternal ? 0 : (topic.recordsPerSecond ?? 0)),
    0,
  );
  const facts = [
    ['Kafka', addresses.kafka],
    ['Connect', addresses.connect],
    ['Schema registry', addresses.registry],
    ['Up for', duration(at - startedAt)],
    ['Records/s into topics', rate(perSecond)],
    ['Failed connectors', String(failed)],
  ];
  const list = document.querySelector('#facts');
  facts.forEach(([name, value], index) => {
    const entry = list.children[index] ?? list.appendChild(newFact());
    entry.hidden = value === undefined;
    setText(entry.firstChild, name);
    setText(entry.lastChild, value ?? '');
  });
  document.title = failed > 0 ? `✖ ${failed} failed – Millrace` : 'Millrace';
}

function newFact() {
  const entry = document.createElement('div');
  entry.append(document.createElement('dt'), document.createElement('dd'));
  return entry;
}

function showProblems(problems) {
  const section = document.querySelector('#problems');
  const wanted = problems.join('\n');
  if (section.dataset.shown === wanted) return;
  section.dataset.shown = wanted;
  section.hidden = problems.length === 0;
  section.replaceChildren(
    ...problems.map((problem) => {
      const line = document.createElement('p');
      line.textContent = problem;
      return line;
    }),
  );
}

function showLive(tone, words) {
  const element = document.querySelector('#live');
  setText(element, words);
  setClass(element, `state ${tone}`);
}

function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}
function setClass(element, value) {
  if (element.className !== value) element.className = value;
}

function follow() {
  const events = new EventSource('api/events');
  events.onmessage = (event) => {
    showLive('good', 'Live');
    show(JSON.parse(event.data));
  };
  events.onerror = () => showLive('bad', 'Not connected; trying again');
  return events;
}

let events = null;
function followWhileSeen() {
  if (document.hidden) {
    events?.close();
    events = null;
  } else events ??= follow();
}

const sections = { c: 'connectors', t: 'topics', g: 'groups', s: 'subjects' };
document.addEventListener('keydown', (event) => {
  if (event.target instanceof HTMLInputElement) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') {
    event.preventDefault();
    filter.focus();
  } else if (sections[event.key] !== undefined) {
    const section = document.querySelector(`#${sections[event.key]}`);
    section.tabIndex = -1;
    section.focus({ preventScroll: true });
    section.scrollIntoView();
  }
});

function keepInUrl() {
  const view = new URLSearchParams();
  if (filter.value !== '') view.set('filter', filter.value);
  if (internal.checked) view.set('internal', 'true');
  window.history.replaceState(null, '', view.size === 0 ? window.location.pathname : `?${view}`);
  render();
}

const view = new URLSearchParams(window.location.search);
filter.value = view.get('filter') ?? '';
internal.checked = view.get('internal') === 'true';
filter.addEventListener('input', keepInUrl);
internal.addEventListener('change', keepInUrl);
document.addEventListener('visibilitychange', followWhileSeen);
showLive('warn', 'Connecting');
followWhileSeen();
