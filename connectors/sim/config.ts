/**
 * The keys of the fleet source, declared once.
 */
import type { Config, ConfigDef } from '../api/index.ts';
import type { Faults, FleetRules } from './fleet.ts';

const share = { type: 'double', default: 0, min: 0, max: 1, group: 'Faults' } as const;

function judgeTime(value: unknown): string | null {
  return Number.isNaN(Date.parse(String(value))) ? 'must be a time such as 2026-01-01T00:00:00Z' : null;
}

export const simFleetConfig = {
  topic: { type: 'string', doc: 'Topic to write to.', importance: 'high', group: 'Output' },
  'sim.trucks': {
    type: 'int',
    default: 100,
    min: 1,
    max: 1_000_000,
    doc: 'How many trucks drive.',
    importance: 'high',
    group: 'Fleet',
  },
  'sim.seed': { type: 'int', default: 1, doc: 'The same seed gives the same fleet.', group: 'Fleet' },
  'sim.interval.ms': {
    type: 'int',
    default: 20_000,
    min: 1,
    doc: 'Each truck reports once in this time, in the simulated world.',
    group: 'Fleet',
  },
  'sim.speed': {
    type: 'double',
    default: 1,
    min: 0.001,
    max: 1_000_000,
    doc: 'How fast the simulated time passes: 60 makes a minute of a second.',
    importance: 'high',
    group: 'Fleet',
  },
  'sim.start': {
    type: 'string',
    default: null,
    validate: judgeTime,
    doc: 'When the simulated world begins, RFC 3339. Default: now.',
    group: 'Fleet',
  },
  'sim.reports.max': {
    type: 'int',
    default: null,
    min: 1,
    doc: 'Each truck stops after so many reports.',
    group: 'Fleet',
  },
  'sim.faults.tunnel': {
    ...share,
    doc: 'How often five reports in a row arrive together, when the truck leaves a tunnel.',
  },
  'sim.faults.duplicate': { ...share, doc: 'How often a report arrives twice.' },
  'sim.faults.late': { ...share, doc: 'How often a report arrives up to three intervals late.' },
  'sim.faults.bad': {
    ...share,
    doc: 'How often a report is no JSON (bad input, for the error policy) or lacks what its schema asks for.',
  },
  'sim.faults.skew': { ...share, doc: 'The share of trucks whose clock is wrong, by up to two minutes.' },
  'sim.faults.new.field.at': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'From this report of each truck on there is a new field, fuel; 0 is never.',
    group: 'Faults',
  },
  'sim.task.shards': { type: 'list', default: [], doc: 'Shards of a task, set by the connector.', group: 'Internal' },
  'sim.task.started.ms': {
    type: 'long',
    default: null,
    doc: 'When the connector started, set by the connector: a world without offsets begins then.',
    group: 'Internal',
  },
} as const satisfies ConfigDef;

export interface SimSettings {
  readonly topic: string;
  readonly rules: Omit<FleetRules, 'startMs'>;
  readonly speed: number;
  readonly startMs: number | null;
  readonly reportsMax: number;
}

export function simSettings(config: Config): SimSettings {
  const start = config.optionalString('sim.start');
  const faults: Faults = {
    tunnel: config.number('sim.faults.tunnel'),
    duplicate: config.number('sim.faults.duplicate'),
    late: config.number('sim.faults.late'),
    bad: config.number('sim.faults.bad'),
    skew: config.number('sim.faults.skew'),
    newFieldAt: config.number('sim.faults.new.field.at'),
  };
  return {
    topic: config.string('topic'),
    rules: {
      seed: config.number('sim.seed'),
      trucks: config.number('sim.trucks'),
      intervalMs: config.number('sim.interval.ms'),
      faults,
    },
    speed: config.number('sim.speed'),
    startMs: start === null ? null : Date.parse(start),
    reportsMax: config.optionalNumber('sim.reports.max') ?? Number.POSITIVE_INFINITY,
  };
}
