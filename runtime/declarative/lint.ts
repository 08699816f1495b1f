/**
 * Judges connector files without running anything: every key against its declaration, through transforms, predicates and
 * converters, and the files against each other.
 *
 * The judge is the worker's own planner, so `lint` and the worker say the same. What a reference (`${env:…}`) stands
 * for is unknown here and left to `check`.
 */
import type { ConfigProblem } from '../../connectors/api/index.ts';
import { planConnector, type Raw } from '../worker/plan.ts';
import type { Plugins } from '../worker/plugins.ts';
import { type ConnectorFile, type Finding, readConnectorFile } from './connector-file.ts';

/** What files are judged by. */
export interface Rules {
  readonly plugins: Plugins;
  /** The worker's keys, for the converters of connectors that name none. */
  readonly worker: Raw;
}

export interface Linted {
  /** The files that could be read, right or wrong. */
  readonly files: readonly ConnectorFile[];
  /** By file, then by place. */
  readonly findings: readonly Finding[];
}

/** Judges the texts of a folder's files together. */
export function lint(texts: readonly { readonly path: string; readonly text: string }[], rules: Rules): Linted {
  const read = texts.map(({ path, text }) => readConnectorFile(path, text));
  const files = read.flatMap(({ file }) => file ?? []);
  const findings = [
    ...read.flatMap((each) => each.findings),
    ...files.flatMap((file) => lintConfig(file, rules)),
    ...sameNames(files),
  ];
  const order = new Map(texts.map(({ path }, index) => [path, index]));
  return {
    files,
    findings: findings.sort(
      (a, b) => order.get(a.file)! - order.get(b.file)! || a.line - b.line || a.column - b.column,
    ),
  };
}

function lintConfig(file: ConnectorFile, { plugins, worker }: Rules): Finding[] {
  const { problems, warnings } = planConnector(plugins, file.config, worker);
  const finding = (severity: Finding['severity'], problem: ConfigProblem): Finding => {
    const part = problem.message.startsWith('Unknown configuration') ? 'key' : 'value';
    return { severity, file: file.path, ...file.placeOf(problem.key, part), connector: file.name, ...problem };
  };
  return [
    ...problems.filter((problem) => !isReference(file.config[problem.key])).map((each) => finding('error', each)),
    ...warnings.map((each) => finding('warning', each)),
  ];
}

/** The worker resolves it when the connector starts; nobody can judge it before. */
function isReference(value: string | undefined): boolean {
  return value !== undefined && /\$\{[^}]*:[^}]*\}/.test(value);
}

function sameNames(files: readonly ConnectorFile[]): Finding[] {
  const first = new Map<string, ConnectorFile>();
  const findings: Finding[] = [];
  for (const file of files) {
    const known = first.get(file.name);
    if (known === undefined) first.set(file.name, file);
    else {
      const message = `Connector "${file.name}" is also in ${known.path}. Names are unique: change one, or remove a file.`;
      const place = file.placeOf('name', 'value');
      const about = { connector: file.name, key: 'name', value: file.name, message };
      findings.push({ severity: 'error', file: file.path, ...place, ...about });
    }
  }
  return findings;
}
