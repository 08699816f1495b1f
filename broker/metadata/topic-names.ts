/**
 * What a topic may be called, and what it is identified by: Kafka's rules (org.apache.kafka.common.internals.Topic,
 * Uuid.randomUuid).
 */
import { randomBytes } from 'node:crypto';

export const offsetsTopic = '__consumer_offsets';
export const transactionsTopic = '__transaction_state';
export const shareStateTopic = '__share_group_state';
const internalTopics: ReadonlySet<string> = new Set([offsetsTopic, transactionsTopic, shareStateTopic]);

/** A folder is named after the topic, the partition and a mark, and may have 255 bytes. */
const nameLengthMax = 249;

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name);
}

/** Why a topic cannot have this name, in a sentence; null when it can. */
export function problemWithTopicName(name: string): string | null {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed.';
  if (name === '.' || name === '..') return "Topic name is invalid: '.' or '..' is not allowed.";
  if (name.length > nameLengthMax) {
    return `Topic name is invalid: ${name.slice(0, 40)}… has ${name.length} characters; ${nameLengthMax} are allowed.`;
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `Topic name is invalid: ${JSON.stringify(name)} has characters other than ASCII letters and digits, '.', '_' and '-'.`;
  }
  return null;
}

/** A version 4 UUID in Kafka's text form, never one that begins with a dash (command lines would take it for a flag). */
export function randomTopicId(): string {
  for (;;) {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const id = bytes.toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
