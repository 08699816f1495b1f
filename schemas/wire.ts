/**
 * Confluent's wire format: how a record's bytes say which schema they follow.
 *
 *     byte 0      bytes 1..4          bytes 5..
 *     magic 0     schema id, int32 BE JSON text
 *
 * Pure. Used by the registry's own serializers; the converter in connectors/ has its own reader, as rooms share no code.
 */

export const MAGIC_BYTE = 0;
export const PREFIX_BYTES = 5;

/** Why bytes are not in the wire format; null when they are. */
export function wireProblem(bytes: Uint8Array): string | null {
  if (bytes.length < PREFIX_BYTES) {
    return `The value has ${bytes.length} bytes; a schema id prefix alone has ${PREFIX_BYTES}.`;
  }
  if (bytes[0] !== MAGIC_BYTE) return `The first byte is ${bytes[0]}, not the magic byte ${MAGIC_BYTE}.`;
  return null;
}

/** The schema id of bytes for which {@link wireProblem} found nothing. */
export function readSchemaId(bytes: Uint8Array): number {
  // Once per record: an object to read it with would cost a tenth of judging the record.
  return (bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!;
}

/** Prefix and body in one buffer. */
export function withSchemaId(id: number, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + body.length);
  bytes[0] = MAGIC_BYTE;
  bytes.writeInt32BE(id, 1);
  bytes.set(body, PREFIX_BYTES);
  return bytes;
}
