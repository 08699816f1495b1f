/**
 * The spellings of an Avro schema: the one the registry keeps (Avro's own for Java: members in a fixed order, names as
 * short as their namespace allows, no whitespace), and the normalised one (full names, everything sorted). Pure.
 *
 * Two texts with one spelling are one schema, with one id.
 */
import { type AvroField, type AvroNode, type AvroSchema, type NamedNode, type Props, spaceOf } from './parse.ts';

/** As Avro's Java library writes it; types of references are named, not spelled out. */
export function avroText({ root, known }: AvroSchema): string {
  return write(root, '', new Set(known));
}

function write(node: AvroNode, space: string, written: Set<string>): string {
  switch (node.kind) {
    case 'primitive':
      return node.props.length === 0 ? quoted(node.type) : `{"type":${quoted(node.type)}${members(node.props)}}`;
    case 'array':
      return `{"type":"array","items":${write(node.items, space, written)}${members(node.props)}}`;
    case 'map':
      return `{"type":"map","values":${write(node.items, space, written)}${members(node.props)}}`;
    case 'union':
      return `[${node.branches.map((branch) => write(branch, space, written)).join(',')}]`;
    default:
      return writeNamed(node, space, written);
  }
}

function writeNamed(node: NamedNode, space: string, written: Set<string>): string {
  if (written.has(node.name)) return quoted(shortName(node.name, space));
  written.add(node.name);
  const own = spaceOf(node.name);
  const type = node.kind === 'record' && node.isError ? 'error' : node.kind;
  const name = `"name":${quoted(node.name.slice(own === '' ? 0 : own.length + 1))}`;
  const namespace = own === space ? '' : `,"namespace":${quoted(own)}`;
  const doc = node.doc === null ? '' : `,"doc":${quoted(node.doc)}`;
  const aliases = node.aliases.map((alias) => shortName(alias, own));
  const rest = `${members(node.props)}${aliases.length === 0 ? '' : `,"aliases":${JSON.stringify(aliases)}`}`;
  return `{"type":${quoted(type)},${name}${namespace}${doc}${bodyOf(node, own, written)}${rest}}`;
}

function bodyOf(node: NamedNode, space: string, written: Set<string>): string {
  if (node.kind === 'fixed') return `,"size":${node.size}`;
  if (node.kind === 'enum') {
    const byDefault = node.byDefault === null ? '' : `,"default":${quoted(node.byDefault)}`;
    return `,"symbols":${JSON.stringify(node.symbols)}${byDefault}`;
  }
  return `,"fields":[${node.fields.map((field) => writeField(field, space, written)).join(',')}]`;
}

function writeField(field: AvroField, space: string, written: Set<string>): string {
  const doc = field.doc === null ? '' : `,"doc":${quoted(field.doc)}`;
  const byDefault = field.byDefault === undefined ? '' : `,"default":${JSON.stringify(field.byDefault)}`;
  const order = field.order === 'ascending' ? '' : `,"order":${quoted(field.order)}`;
  const aliases = field.aliases.length === 0 ? '' : `,"aliases":${JSON.stringify(field.aliases)}`;
  const type = write(field.type, space, written);
  return `{"name":${quoted(field.name)},"type":${type}${doc}${byDefault}${order}${aliases}${members(field.props)}}`;
}

/** The schema with everything whose order says nothing sorted, and every name in full. */
export function normalizedAvroText({ root, known }: AvroSchema): string {
  return writeNormalized(root, new Set(known));
}

function writeNormalized(node: AvroNode, written: Set<string>): string {
  switch (node.kind) {
    case 'primitive':
      return node.props.length === 0
        ? quoted(node.type)
        : `{"type":${quoted(node.type)}${members(sorted(node.props))}}`;
    case 'array':
      return `{"type":"array","items":${writeNormalized(node.items, written)}${members(sorted(node.props))}}`;
    case 'map':
      return `{"type":"map","values":${writeNormalized(node.items, written)}${members(sorted(node.props))}}`;
    case 'union':
      return `[${node.branches.map((branch) => writeNormalized(branch, written)).join(',')}]`;
    default:
      return writeNormalizedNamed(node, written);
  }
}

function writeNormalizedNamed(node: NamedNode, written: Set<string>): string {
  if (written.has(node.name)) return quoted(node.name);
  written.add(node.name);
  const type = node.kind === 'record' && node.isError ? 'error' : node.kind;
  const doc = node.doc === null ? '' : `,"doc":${quoted(node.doc)}`;
  const aliases = node.aliases.length === 0 ? '' : `,"aliases":${JSON.stringify([...node.aliases].sort())}`;
  const body =
    node.kind === 'record'
      ? `,"fields":[${node.fields.map((field) => writeNormalizedField(field, written)).join(',')}]`
      : bodyOf(node, '', written);
  return `{"type":${quoted(type)},"name":${quoted(node.name)}${doc}${body}${members(sorted(node.props))}${aliases}}`;
}

function writeNormalizedField(field: AvroField, written: Set<string>): string {
  const doc = field.doc === null ? '' : `,"doc":${quoted(field.doc)}`;
  const byDefault = field.byDefault === undefined ? '' : `,"default":${JSON.stringify(field.byDefault)}`;
  const order = field.order === 'ascending' ? '' : `,"order":${quoted(field.order)}`;
  const aliases = field.aliases.length === 0 ? '' : `,"aliases":${JSON.stringify([...field.aliases].sort())}`;
  const rest = `${doc}${byDefault}${order}${aliases}${members(sorted(field.props))}`;
  return `{"name":${quoted(field.name)},"type":${writeNormalized(field.type, written)}${rest}}`;
}

function shortName(name: string, space: string): string {
  return spaceOf(name) === space && space !== '' ? name.slice(space.length + 1) : name;
}

function sorted(props: Props): Props {
  return [...props].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function members(props: Props): string {
  return props.map(([name, value]) => `,${quoted(name)}:${JSON.stringify(value)}`).join('');
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
