/**
 * `schema.name.adjustment.mode` and `field.name.adjustment.mode`: names that Avro would refuse, made such that it does not.
 */

export const adjustmentModes = ['none', 'avro', 'avro_unicode'] as const;
export type AdjustmentMode = (typeof adjustmentModes)[number];

/** A name without characters that Avro does not know; `keepsDots` for the full names of schemas. */
export function adjustName(name: string, mode: AdjustmentMode, keepsDots: boolean): string {
  if (mode === 'none') return name;
  const parts = keepsDots ? name.split('.') : [name];
  return parts.map((part) => adjustPart(part, mode)).join('.');
}

function adjustPart(part: string, mode: AdjustmentMode): string {
  const adjusted = [...part].map((character) =>
    /[A-Za-z0-9_]/.test(character) ? escaped(character, mode) : replaced(character, mode),
  );
  return /^\d/.test(part) ? `_${adjusted.join('')}` : adjusted.join('');
}

/** An underscore begins an escape in the unicode mode and must be one itself. */
function escaped(character: string, mode: AdjustmentMode): string {
  return mode === 'avro_unicode' && character === '_' ? replaced(character, mode) : character;
}

function replaced(character: string, mode: AdjustmentMode): string {
  return mode === 'avro' ? '_' : `_u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
