/**
 * Where Millrace's REST answers differ from Kafka Connect's on purpose: each belongs to a line of docs/deviations.md. A
 * deviation that no longer occurs fails the test, so that the list only shrinks.
 */
import type { Difference } from './compare.ts';

export interface Deviation {
  /** Words of the line of docs/deviations.md. */
  readonly line: string;
  readonly steps: RegExp;
  readonly place: RegExp;
  /** What we answer there, where one value is meant. */
  readonly ours?: unknown;
}

const callersMistake = 'Connect REST, a request that cannot be read';
const words = 'Connect REST, the words of refusals';
const nulls = 'Connect REST, a null in a configuration';
const anyType = 'Connect REST, content types';
const oddNames = 'Connect REST, names with';
const renamed = 'Connect REST, `name` in a patch';
const fileKeys = 'Connect REST, keys of the file connectors';
const fileOffsets = 'Connect REST, offsets of the file source';
const ownOffsets = 'Connect REST, altering offsets';
const judged = 'Connect REST, what validate shows';
const unknownKeys = 'Connect REST, unknown keys';
const shortNames = 'Connect REST, short names of transforms';
const converterType = 'Connect REST, `converter.type`';
const deadLetters = 'Connect worker, dead letters';
const deadLetterCopies = "Connect worker, dead letter queue's replication factor";
const groups = 'Connect worker, topic creation groups';
const taskClass = 'Connect REST, `task.class`';

const code = /^(status|body\.error_code)$/;
const message = /^body\.message$/;

export const deviations: readonly Deviation[] = [
  { line: callersMistake, steps: /^(create|put|patched|offsets altered|validate|logger)/, place: code, ours: 400 },
  { line: callersMistake, steps: /^sink offsets altered: negative/, place: code, ours: 400 },
  {
    line: words,
    steps:
      /^(create|put|patched|offsets (altered|reset)|sink offsets (altered|reset)|validate|logger|keys of Nobody|task 7)/,
    place: message,
  },
  { line: words, steps: /^validate/, place: /\.value\.errors/ },
  { line: words, steps: /^validate: several errors/, place: /^body\.error_count$/, ours: 3 },
  { line: groups, steps: /^validate: topic creation without defaults/, place: /^body\.error_count$/, ours: 1 },
  { line: nulls, steps: /with a null$|put: a null|validate: a null/, place: /./ },
  { line: nulls, steps: /^nulled deleted/, place: /./ },
  { line: anyType, steps: /^create: (text\/plain|form)/, place: /./ },
  { line: anyType, steps: /^lenient(-form)? deleted/, place: /./ },
  { line: taskClass, steps: /^tasks of lines/, place: /task\.class$/ },
  { line: renamed, steps: /^patched with (another|a null) name/, place: /./ },
  { line: renamed, steps: /^lines after patches/, place: /^body\.name$/, ours: 'lines' },
  { line: oddNames, steps: /^odd name a([/%\\;]|\+b: created)/, place: /./ },
  { line: oddNames, steps: /^a name that is no/, place: /^(body|header content-type)$/ },
  {
    line: fileKeys,
    steps: /^(keys of .*FileStream|validate)/,
    place: /\[(file|topic|batch\.size)\]\.(definition\.)?(required|group|order_in_group|width)$/,
  },
  { line: fileKeys, steps: /^validate: a sink without topics/, place: /\[file\]\.value\.errors$/ },
  { line: fileKeys, steps: /^validate: a sink without topics/, place: /^body\.error_count$/, ours: 3 },
  { line: fileOffsets, steps: /^offsets of lines/, place: /^body\.offsets/ },
  { line: ownOffsets, steps: /^offsets altered: strange/, place: /./ },
  { line: ownOffsets, steps: /^sink offsets altered: unknown topic|^offsets of the sink after all/, place: /./ },
  { line: judged, steps: /^validate/, place: /\.value\.value$/ },
  { line: judged, steps: /^validate: an undefined predicate/, place: /^body\.error_count$/, ours: 1 },
  { line: judged, steps: /^validate: topic creation without defaults/, place: /^body\.error_count$/, ours: 1 },
  { line: unknownKeys, steps: /^validate: a key that nobody knows/, place: /^body\.error_count$/, ours: 1 },
  { line: shortNames, steps: /^keys of InsertField\$Value/, place: /./ },
  { line: converterType, steps: /^keys of|^validate/, place: /\[(\w+\.converter\.)?converter\.type\]/ },
  { line: converterType, steps: /^keys of SimpleHeaderConverter/, place: /^body$/ },
  { line: deadLetters, steps: /./, place: /context\.headers\.enable\]/ },
  { line: deadLetterCopies, steps: /./, place: /topic\.replication\.factor\]/, ours: '-1' },
];

export function isExpected(deviation: Deviation, step: string, { place, ours }: Difference): boolean {
  const isThere = deviation.steps.test(step) && deviation.place.test(place);
  return isThere && (deviation.ours === undefined || deviation.ours === ours);
}
