/**
 * The walk: every path of Kafka Connect's REST API with good and bad requests, as data. Knows neither worker.
 *
 * The recorder walks it against a real Kafka Connect worker and keeps the answers (connect.golden.json); the test in
 * `npm test` walks it against Millrace and compares. `$dir` in a body is a folder that both ends can read.
 */
import { at, json, type Step, sink, source } from './step.ts';
import { loggers, plugins } from './walk-plugins.ts';

const running = { until: ['"connector":{"state":"RUNNING"', '"id":0,"state":"RUNNING"'] };
const paused = { until: ['"connector":{"state":"PAUSED"', '"id":0,"state":"PAUSED"'] };
const stopped = { until: ['"connector":{"state":"STOPPED"', '"tasks":[]'] };

const root: Step[] = [
  at('root', 'GET /'),
  at('health', 'GET /health', { until: ['healthy'] }),
  at('nowhere', 'GET /nowhere'),
  at('root with the wrong method', 'POST /', json({})),
  at('root deleted', 'DELETE /'),
  at('no connectors', 'GET /connectors'),
  at('no connectors, trailing slash', 'GET /connectors/'),
  at('no connectors, expanded', 'GET /connectors?expand=status&expand=info'),
  at('connectors put', 'PUT /connectors', json({})),
  at('connectors deleted', 'DELETE /connectors'),
  at('options', 'OPTIONS /connectors'),
  at('head', 'HEAD /connectors'),
];

const unknown: Step[] = [
  ['GET', ''],
  ['GET', '/config'],
  ['GET', '/status'],
  ['GET', '/tasks'],
  ['GET', '/tasks/0/status'],
  ['GET', '/topics'],
  ['GET', '/offsets'],
  ['GET', '/tasks-config'],
  ['PUT', '/pause'],
  ['PUT', '/resume'],
  ['PUT', '/stop'],
  ['PUT', '/topics/reset'],
  ['POST', '/restart'],
  ['POST', '/restart?includeTasks=true'],
  ['POST', '/restart?onlyFailed=true'],
  ['POST', '/tasks/0/restart'],
  ['DELETE', ''],
  ['DELETE', '/offsets'],
].map(([method, path]) => at(`unknown connector: ${method} ${path}`, `${method} /connectors/nobody${path}`));

const unknownWithBody: Step[] = [
  at('unknown connector: PATCH /config', 'PATCH /connectors/nobody/config', json({ a: 'b' })),
  at(
    'unknown connector: PATCH /offsets',
    'PATCH /connectors/nobody/offsets',
    json({ offsets: [{ partition: { filename: 'a' }, offset: { position: 1 } }] }),
  ),
];

const badBodies: Step[] = [
  at('create: not JSON', 'POST /connectors', json('{"name": ')),
  at('create: no body', 'POST /connectors'),
  at('create: an array', 'POST /connectors', json([])),
  at('create: a string', 'POST /connectors', json('"x"')),
  at('create: null', 'POST /connectors', json('null')),
  at('create: no name', 'POST /connectors', json({ config: source })),
  at('create: no config', 'POST /connectors', json({ name: 'c' })),
  at('create: null config', 'POST /connectors', json({ name: 'c', config: null })),
  at('create: config is a list', 'POST /connectors', json({ name: 'c', config: [] })),
  at('create: config with a null', 'POST /connectors', json({ name: 'nulled', config: { ...source, file: null } })),
  at('create: config with an object', 'POST /connectors', json({ name: 'c', config: { ...source, file: {} } })),
  at('create: config with a list', 'POST /connectors', json({ name: 'c', config: { ...source, file: ['a'] } })),
  at('create: unknown member', 'POST /connectors', json({ name: 'c', config: source, extra: 1 })),
  at('create: empty name', 'POST /connectors', json({ name: '', config: source })),
  at('create: blank name', 'POST /connectors', json({ name: '  ', config: source })),
  at('create: name is a number', 'POST /connectors', json({ name: 7, config: { ...source, 'tasks.max': '0' } })),
  at('create: name with a control character', 'POST /connectors', json({ name: 'a\u0007b', config: source })),
  at('create: names differ', 'POST /connectors', json({ name: 'c', config: { ...source, name: 'd' } })),
  at('create: bad initial_state', 'POST /connectors', json({ name: 'c', config: source, initial_state: 'ASLEEP' })),
  at('create: unknown class', 'POST /connectors', json({ name: 'c', config: { 'connector.class': 'Nobody' } })),
  at('create: no class', 'POST /connectors', json({ name: 'c', config: { topic: 'x' } })),
  at('create: empty class', 'POST /connectors', json({ name: 'c', config: { 'connector.class': '' } })),
  at('create: empty config', 'POST /connectors', json({ name: 'c', config: {} })),
  at('create: missing key', 'POST /connectors', json({ name: 'c', config: { 'connector.class': 'FileStreamSource' } })),
  at('create: tasks.max is text', 'POST /connectors', json({ name: 'c', config: { ...source, 'tasks.max': 'many' } })),
  at('create: tasks.max is 0', 'POST /connectors', json({ name: 'c', config: { ...source, 'tasks.max': '0' } })),
  at(
    'create: two errors',
    'POST /connectors',
    json({ name: 'c', config: { ...source, 'tasks.max': '0', 'errors.tolerance': 'some' } }),
  ),
  at(
    'create: a sink without topics',
    'POST /connectors',
    json({ name: 'c', config: { 'connector.class': 'FileStreamSink' } }),
  ),
  at(
    'create: a sink with topics and regex',
    'POST /connectors',
    json({ name: 'c', config: { ...sink, 'topics.regex': 'a.*' } }),
  ),
  at(
    'create: a sink whose dead letters are its input',
    'POST /connectors',
    json({ name: 'c', config: { ...sink, 'errors.deadletterqueue.topic.name': 'walk-lines' } }),
  ),
  at(
    'create: a bad regex',
    'POST /connectors',
    json({ name: 'c', config: { 'connector.class': 'FileStreamSink', 'topics.regex': '(' } }),
  ),
  at(
    'create: an unknown converter',
    'POST /connectors',
    json({ name: 'c', config: { ...source, 'value.converter': 'NoConverter' } }),
  ),
  at(
    'create: an unknown transform',
    'POST /connectors',
    json({ name: 'c', config: { ...source, transforms: 't', 'transforms.t.type': 'Nope' } }),
  ),
  at(
    'create: a transform without a type',
    'POST /connectors',
    json({ name: 'c', config: { ...source, transforms: 't' } }),
  ),
  at(
    'create: a transform listed twice',
    'POST /connectors',
    json({
      name: 'c',
      config: { ...source, transforms: 't,t', 'transforms.t.type': 'HoistField$Value', 'transforms.t.field': 'f' },
    }),
  ),
  at(
    'create: a transform with a missing key',
    'POST /connectors',
    json({
      name: 'c',
      config: {
        ...source,
        transforms: 't',
        'transforms.t.type': 'org.apache.kafka.connect.transforms.HoistField$Value',
      },
    }),
  ),
  at(
    'create: transactions that are required',
    'POST /connectors',
    json({ name: 'c', config: { ...source, 'exactly.once.support': 'required' } }),
  ),
  at('put: a list', 'PUT /connectors/c/config', json([])),
  at('put: not JSON', 'PUT /connectors/c/config', json('{')),
  at('put: no body', 'PUT /connectors/c/config'),
  at('put: a null', 'PUT /connectors/nulled/config', json({ ...source, file: null })),
  at('put: names differ', 'PUT /connectors/c/config', json({ ...source, name: 'd' })),
  at('put: empty', 'PUT /connectors/c/config', json({})),
  at('nulled deleted', 'DELETE /connectors/nulled'),
  at('nothing was created', 'GET /connectors'),
];

const types: Step[] = [
  at('create: text/plain', 'POST /connectors', {
    body: { name: 'lenient', config: { ...source, topic: 'walk-lenient' } },
    headers: { 'content-type': 'text/plain' },
  }),
  at('create: form', 'POST /connectors', {
    body: { name: 'lenient-form', config: { ...source, topic: 'walk-lenient' } },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  }),
  at('lenient deleted', 'DELETE /connectors/lenient'),
  at('lenient-form deleted', 'DELETE /connectors/lenient-form'),
  at('connectors as XML', 'GET /connectors', { headers: { accept: 'application/xml' } }),
  at('connectors as text', 'GET /connectors', { headers: { accept: 'text/plain' } }),
  at('connectors as HTML or anything', 'GET /connectors', { headers: { accept: 'text/html,*/*;q=0.8' } }),
];

const create: Step[] = [
  at('created', 'POST /connectors', json({ name: 'lines', config: source })),
  at('created twice', 'POST /connectors', json({ name: 'lines', config: source })),
  at(
    'created with a name to trim',
    'POST /connectors',
    json({ name: ' trimmed ', config: { ...source, topic: 'walk-trimmed' } }),
  ),
  at('created by put', 'PUT /connectors/sink/config', json(sink)),
  at('sink runs for the first time', 'GET /connectors/sink/status', running),
  at('put again', 'PUT /connectors/sink/config', json({ ...sink, 'errors.tolerance': 'all' })),
  at(
    'put with numbers and booleans',
    'PUT /connectors/sink/config',
    json({ ...sink, 'tasks.max': 1, 'errors.log.enable': true }),
  ),
  at(
    'created paused',
    'POST /connectors',
    json({ name: 'asleep', config: { ...source, topic: 'walk-asleep' }, initial_state: 'PAUSED' }),
  ),
  at(
    'created stopped',
    'POST /connectors',
    json({ name: 'stopped', config: { ...source, topic: 'walk-stopped' }, initial_state: 'stopped' }),
  ),
  at('lines runs', 'GET /connectors/lines/status', running),
  at('sink runs', 'GET /connectors/sink/status', running),
  at('asleep sleeps', 'GET /connectors/asleep/status', { until: ['"connector":{"state":"PAUSED"'] }),
  at('stopped is stopped', 'GET /connectors/stopped/status', stopped),
  at('trimmed runs', 'GET /connectors/trimmed/status', running),
];

const read: Step[] = [
  at('all', 'GET /connectors', { unordered: true }),
  at('all with info', 'GET /connectors?expand=info'),
  at('all with status', 'GET /connectors?expand=status'),
  at('all with both', 'GET /connectors?expand=status&expand=info'),
  at('all with both in one', 'GET /connectors?expand=status,info', { unordered: true }),
  at('all with nonsense', 'GET /connectors?expand=nonsense', { unordered: true }),
  at('lines', 'GET /connectors/lines'),
  at('lines, trailing slash', 'GET /connectors/lines/'),
  at('config of lines', 'GET /connectors/lines/config'),
  at('tasks of lines', 'GET /connectors/lines/tasks'),
  at('tasks of stopped', 'GET /connectors/stopped/tasks'),
  at('stopped', 'GET /connectors/stopped'),
  at('sink', 'GET /connectors/sink'),
  at('status of task 0', 'GET /connectors/lines/tasks/0/status'),
  at('status of task 7', 'GET /connectors/lines/tasks/7/status'),
  at('status of task x', 'GET /connectors/lines/tasks/x/status'),
  at('status of task -1', 'GET /connectors/lines/tasks/-1/status'),
  at('a task', 'GET /connectors/lines/tasks/0'),
  at('tasks-config', 'GET /connectors/lines/tasks-config'),
  at('wrong method on a connector', 'POST /connectors/lines', json({})),
  at('wrong method on a config', 'POST /connectors/lines/config', json({})),
  at('wrong method on a status', 'PUT /connectors/lines/status', json({})),
  at('wrong method on pause', 'GET /connectors/lines/pause'),
  at('wrong method on restart', 'PUT /connectors/lines/restart'),
  at('wrong method on offsets', 'POST /connectors/lines/offsets', json({})),
  at('nothing below a connector', 'GET /connectors/lines/nowhere'),
];

const patch: Step[] = [
  at('patched', 'PATCH /connectors/lines/config', json({ 'errors.log.enable': 'true' })),
  at('patched with a null', 'PATCH /connectors/lines/config', json({ 'errors.log.enable': null })),
  at('patched with an absent null', 'PATCH /connectors/lines/config', json({ 'errors.log.include.messages': null })),
  at('patched with nothing', 'PATCH /connectors/lines/config', json({})),
  at('patched badly', 'PATCH /connectors/lines/config', json({ 'tasks.max': 'many' })),
  at('patched with another name', 'PATCH /connectors/lines/config', json({ name: 'other' })),
  at('patched with a null name', 'PATCH /connectors/lines/config', json({ name: null })),
  at('patched without class', 'PATCH /connectors/lines/config', json({ 'connector.class': null })),
  at('patched with a list', 'PATCH /connectors/lines/config', json([])),
  at('patched with not JSON', 'PATCH /connectors/lines/config', json('{')),
  at('patched with no body', 'PATCH /connectors/lines/config'),
  at('lines after patches', 'GET /connectors/lines/config'),
];

const steer: Step[] = [
  at('lines runs again', 'GET /connectors/lines/status', running),
  at('paused', 'PUT /connectors/lines/pause'),
  at('lines is paused', 'GET /connectors/lines/status', paused),
  at('paused twice', 'PUT /connectors/lines/pause'),
  at('resumed', 'PUT /connectors/lines/resume'),
  at('lines is resumed', 'GET /connectors/lines/status', running),
  at('resumed twice', 'PUT /connectors/lines/resume'),
  at('paused with a body', 'PUT /connectors/lines/pause', json({})),
  at('resumed after the body', 'PUT /connectors/lines/resume'),
  at('lines is resumed after the body', 'GET /connectors/lines/status', running),
  at('restarted', 'POST /connectors/lines/restart'),
  at('lines runs after a restart', 'GET /connectors/lines/status', running),
  at('restarted with tasks', 'POST /connectors/lines/restart?includeTasks=true'),
  at('lines runs after a restart with tasks', 'GET /connectors/lines/status', running),
  at('restarted what failed', 'POST /connectors/lines/restart?onlyFailed=true'),
  at('restarted what failed with tasks', 'POST /connectors/lines/restart?includeTasks=true&onlyFailed=true'),
  at('restarted with a strange flag', 'POST /connectors/lines/restart?includeTasks=perhaps'),
  at('lines runs after the flag', 'GET /connectors/lines/status', running),
  at('task restarted', 'POST /connectors/lines/tasks/0/restart'),
  at('lines runs after its task', 'GET /connectors/lines/status', running),
  at('task 7 restarted', 'POST /connectors/lines/tasks/7/restart'),
  at('task x restarted', 'POST /connectors/lines/tasks/x/restart'),
];

const partition = { filename: '$dir/in.txt' };
const change = { offsets: [{ partition, offset: { position: 3 } }] };

const offsets: Step[] = [
  at('offsets of lines', 'GET /connectors/lines/offsets', { until: ['"position":6'] }),
  at('offsets altered while running', 'PATCH /connectors/lines/offsets', json(change)),
  at('offsets reset while running', 'DELETE /connectors/lines/offsets'),
  at('lines stops', 'PUT /connectors/lines/stop'),
  at('lines has stopped', 'GET /connectors/lines/status', stopped),
  at('stopped twice', 'PUT /connectors/lines/stop'),
  at('restart of a stopped', 'POST /connectors/lines/restart'),
  at('offsets altered', 'PATCH /connectors/lines/offsets', json(change)),
  at('offsets of lines, altered', 'GET /connectors/lines/offsets'),
  at('offsets altered: empty', 'PATCH /connectors/lines/offsets', json({ offsets: [] })),
  at('offsets altered: absent', 'PATCH /connectors/lines/offsets', json({})),
  at('offsets altered: null', 'PATCH /connectors/lines/offsets', json({ offsets: null })),
  at('offsets altered: no body', 'PATCH /connectors/lines/offsets'),
  at('offsets altered: not JSON', 'PATCH /connectors/lines/offsets', json('{')),
  at('offsets altered: unknown member', 'PATCH /connectors/lines/offsets', json({ ...change, more: 1 })),
  at('offsets altered: no list', 'PATCH /connectors/lines/offsets', json({ offsets: {} })),
  at(
    'offsets altered: no partition',
    'PATCH /connectors/lines/offsets',
    json({ offsets: [{ offset: { position: 1 } }] }),
  ),
  at(
    'offsets altered: null partition',
    'PATCH /connectors/lines/offsets',
    json({ offsets: [{ partition: null, offset: { position: 1 } }] }),
  ),
  at(
    'offsets altered: strange partition',
    'PATCH /connectors/lines/offsets',
    json({ offsets: [{ partition: { strange: 1 }, offset: { position: 1 } }] }),
  ),
  at(
    'offsets altered: strange offset',
    'PATCH /connectors/lines/offsets',
    json({ offsets: [{ partition, offset: { strange: 1 } }] }),
  ),
  at(
    'offsets altered: text offset',
    'PATCH /connectors/lines/offsets',
    json({ offsets: [{ partition, offset: 'x' }] }),
  ),
  at(
    'offsets altered: one partition reset',
    'PATCH /connectors/lines/offsets',
    json({ offsets: [{ partition, offset: null }] }),
  ),
  at('offsets of lines, one reset', 'GET /connectors/lines/offsets'),
  at('offsets reset', 'DELETE /connectors/lines/offsets'),
  at('offsets reset again', 'DELETE /connectors/lines/offsets'),
  at('offsets of lines, reset', 'GET /connectors/lines/offsets'),
  at('offsets of a sink', 'GET /connectors/sink/offsets', { until: ['"kafka_offset":'] }),
  at('sink stops', 'PUT /connectors/sink/stop'),
  at('sink has stopped', 'GET /connectors/sink/status', stopped),
  ...(
    [
      ['numbers', { kafka_topic: 'walk-lines', kafka_partition: 0 }, { kafka_offset: 1 }],
      ['text', { kafka_topic: 'walk-lines', kafka_partition: '0' }, { kafka_offset: '1' }],
      ['no topic', { kafka_partition: 0 }, { kafka_offset: 1 }],
      ['no partition', { kafka_topic: 'walk-lines' }, { kafka_offset: 1 }],
      ['bad partition', { kafka_topic: 'walk-lines', kafka_partition: 'x' }, { kafka_offset: 1 }],
      ['negative partition', { kafka_topic: 'walk-lines', kafka_partition: -1 }, { kafka_offset: 1 }],
      ['no offset', { kafka_topic: 'walk-lines', kafka_partition: 0 }, {}],
      ['bad offset', { kafka_topic: 'walk-lines', kafka_partition: 0 }, { kafka_offset: 'x' }],
      ['negative offset', { kafka_topic: 'walk-lines', kafka_partition: 0 }, { kafka_offset: -1 }],
      ['unknown topic', { kafka_topic: 'walk-nowhere', kafka_partition: 0 }, { kafka_offset: 1 }],
      ['null', { kafka_topic: 'walk-lines', kafka_partition: 0 }, null],
    ] as const
  ).map(([what, where, offset]) =>
    at(
      `sink offsets altered: ${what}`,
      'PATCH /connectors/sink/offsets',
      json({ offsets: [{ partition: where, offset }] }),
    ),
  ),
  at('offsets of the sink after all', 'GET /connectors/sink/offsets'),
  at('sink offsets reset', 'DELETE /connectors/sink/offsets'),
  at('offsets of the sink, reset', 'GET /connectors/sink/offsets'),
  at('sink resumes', 'PUT /connectors/sink/resume'),
  at('sink has resumed', 'GET /connectors/sink/status', running),
  at('lines resumes', 'PUT /connectors/lines/resume'),
  at('lines has resumed', 'GET /connectors/lines/status', running),
];

const topics: Step[] = [
  at('topics of lines', 'GET /connectors/lines/topics', { until: ['walk-lines'] }),
  at('topics of sink', 'GET /connectors/sink/topics', { until: ['walk-lines'] }),
  at('topics of asleep', 'GET /connectors/asleep/topics'),
  at('topics reset', 'PUT /connectors/asleep/topics/reset'),
  at('topics reset with the wrong method', 'POST /connectors/asleep/topics/reset'),
];

const odd = (encoded: string, name: string): Step[] => [
  at(
    `odd name ${name}: created`,
    'POST /connectors',
    json({ name, config: { ...source, topic: 'walk-odd' }, initial_state: 'STOPPED' }),
  ),
  at(`odd name ${name}: read`, `GET /connectors/${encoded}`),
  at(`odd name ${name}: status`, `GET /connectors/${encoded}/status`, { until: ['STOPPED'] }),
  at(`odd name ${name}: deleted`, `DELETE /connectors/${encoded}`),
];

const names: Step[] = [
  ...odd('a%20b', 'a b'),
  ...odd('a%2Fb', 'a/b'),
  ...odd('a%25b', 'a%b'),
  ...odd('%C3%A4%E2%82%AC', 'ä€'),
  ...odd('a%3Fb%23c', 'a?b#c'),
  ...odd('a%5Cb', 'a\\b'),
  ...odd("a'b%22", 'a\'b"'),
  ...odd('a+b', 'a+b'),
  ...odd('a;b', 'a;b'),
  ...odd('config', 'config'),
  at('a name that is no UTF-8', 'GET /connectors/%FF'),
  at('a name that is no encoding', 'GET /connectors/%ZZ'),
];

const internal: Step[] = [
  at('internal: tasks posted', 'POST /connectors/lines/tasks', json([])),
  at('internal: fence', 'PUT /connectors/lines/fence'),
];

const failing: Step[] = [
  at(
    'a sink whose task fails',
    'POST /connectors',
    json({ name: 'failing', config: { ...sink, file: '$dir/in.txt/below-a-file', 'restart.on.failure': 'never' } }),
  ),
  at('its task has failed', 'GET /connectors/failing/tasks/0/status', { until: ['FAILED'] }),
  at('the connector still runs', 'GET /connectors/failing/status'),
  at('only what failed restarts', 'POST /connectors/failing/restart?includeTasks=true&onlyFailed=true'),
  at('failing is stopped', 'PUT /connectors/failing/stop'),
  at('failing has stopped', 'GET /connectors/failing/status', stopped),
];

const deleted: Step[] = [
  ...['lines', 'sink', 'asleep', 'stopped', 'trimmed', 'failing'].map((name) =>
    at(`${name} deleted`, `DELETE /connectors/${name}`),
  ),
  at('lines deleted twice', 'DELETE /connectors/lines'),
  at('nothing is left', 'GET /connectors'),
  at('offsets of the deleted', 'GET /connectors/lines/offsets'),
];

/** Every step, in the order in which they are walked. */
export const steps: readonly Step[] = [
  ...root,
  ...unknown,
  ...unknownWithBody,
  ...badBodies,
  ...types,
  ...create,
  ...read,
  ...patch,
  ...steer,
  ...offsets,
  ...topics,
  ...plugins,
  ...loggers,
  ...internal,
  ...failing,
  ...deleted,
  ...names,
];
