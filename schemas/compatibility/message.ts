/**
 * A sentence for each difference that stands in the way: what the reader refuses, where, and what would help.
 *
 * Pure. Families of differences share a sentence; a few that people meet every day have their own.
 */
import type { DifferenceType } from './difference.ts';

/** Which of the two schemas reads what the other wrote. */
export type Reader = 'new' | 'old';

/** One sentence, or two with advice. */
export function describe(type: DifferenceType, path: string, reader: Reader): string {
  const writer: Reader = reader === 'new' ? 'old' : 'new';
  const sentence = OWN[type] ?? family(type);
  return sentence
    .replaceAll('%path', path)
    .replaceAll('%reader', `${reader} schema`)
    .replaceAll('%writer', `${writer} schema`);
}

const CLOSE_OR_LENIENT =
  'Set additionalProperties to false in the %writer, or set compatibilityPolicy to LENIENT for the subject.';

const OWN: Partial<Record<DifferenceType, string>> = {
  OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: `The %reader declares a property at '%path' that the %writer left open, so a record may already hold anything there. ${CLOSE_OR_LENIENT}`,
  REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL: `The %reader requires a property at '%path' that the %writer left open, so a record may already hold anything there. ${CLOSE_OR_LENIENT}`,
  REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL:
    "The %reader requires a property at '%path' that records of the %writer need not have. Make it optional.",
  REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL:
    "The %reader requires a property at '%path' that records of the %writer do not have. Make it optional or give it a default.",
  REQUIRED_ATTRIBUTE_ADDED:
    "The %reader requires the property at '%path', which was optional in the %writer. Give it a default or leave it optional.",
  PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL:
    "The %reader is closed and lacks the property at '%path', so it refuses records of the %writer that hold it. Keep the property or open the schema.",
  TYPE_CHANGED: "The type at '%path' is another one in the %reader than in the %writer.",
  TYPE_NARROWED: "The %reader takes only integers at '%path', where the %writer allowed any number.",
  ENUM_ARRAY_NARROWED: "The %reader lacks values at '%path' that the %writer allowed.",
  ENUM_ARRAY_CHANGED: "The values at '%path' are others in the %reader than in the %writer.",
  PATTERN_CHANGED:
    "The pattern at '%path' is another one in the %reader; that it still matches everything cannot be shown.",
  MULTIPLE_OF_CHANGED: "The divisor at '%path' is another one in the %reader, and neither divides the other.",
  COMBINED_TYPE_CHANGED: "The schemas at '%path' are combined another way in the %reader than in the %writer.",
  COMBINED_TYPE_SUBSCHEMAS_CHANGED:
    "Not every alternative at '%path' of the one schema has a compatible counterpart in the other.",
  SUM_TYPE_NARROWED: "The %reader has fewer alternatives at '%path' than the %writer.",
  PRODUCT_TYPE_EXTENDED: "The %reader asks for more schemas to hold at '%path' than the %writer.",
  NOT_TYPE_EXTENDED: "What must not match at '%path' takes in more in the %reader than in the %writer.",
  SCHEMA_ADDED: "The %reader asks something of the items at '%path', where the %writer asked nothing.",
};

function family(type: DifferenceType): string {
  if (type.endsWith('_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL')) {
    return "What only one of the two schemas declares at '%path' does not fit what the other asks of everything it does not declare.";
  }
  if (type.startsWith('ITEM_')) return "The %reader has another list of items at '%path' than the %writer.";
  if (/^(ADDITIONAL|UNEVALUATED)_/.test(type)) {
    return "The %reader no longer takes at '%path' everything that the %writer left open.";
  }
  if (type.endsWith('_ADDED')) return "The keyword at '%path' stands only in the %reader, which refuses more for it.";
  if (type.endsWith('_INCREASED') || type.endsWith('_EXPANDED')) {
    return "The value at '%path' is higher in the %reader than in the %writer.";
  }
  if (type.endsWith('_DECREASED')) return "The value at '%path' is lower in the %reader than in the %writer.";
  return "What '%path' asks for is more in the %reader than in the %writer.";
}
