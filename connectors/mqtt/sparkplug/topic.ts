/**
 * Sparkplug's topics: `spBv1.0/GROUP/TYPE/NODE[/DEVICE]` and `spBv1.0/STATE/HOST` (Sparkplug 3.0, section 4; before that
 * `STATE/HOST`). Pure.
 */

export const messageTypes = ['NBIRTH', 'NDATA', 'NDEATH', 'NCMD', 'DBIRTH', 'DDATA', 'DDEATH', 'DCMD'] as const;
export type MessageType = (typeof messageTypes)[number];

/** Who a message is about. */
export interface Address {
  readonly type: MessageType;
  readonly group: string;
  readonly node: string;
  /** Null: the edge node itself. */
  readonly device: string | null;
}

/** A host application says whether it is there. */
export interface HostState {
  readonly type: 'STATE';
  readonly host: string;
}

/** Null when the topic is none of Sparkplug's. */
export function parseTopic(topic: string): Address | HostState | null {
  const levels = topic.split('/');
  if (levels[0] === 'STATE' && levels.length === 2) return { type: 'STATE', host: levels[1]! };
  if (levels[0] !== 'spBv1.0') return null;
  if (levels[1] === 'STATE' && levels.length === 3) return { type: 'STATE', host: levels[2]! };
  const [, group, type, node, device] = levels;
  if (!messageTypes.includes(type as MessageType)) return null;
  const isOfDevice = type!.startsWith('D');
  if (levels.length !== (isOfDevice ? 5 : 4)) return null;
  return { type: type as MessageType, group: group!, node: node!, device: isOfDevice ? device! : null };
}

/** `GROUP/NODE`: levels hold no slash, so it is unambiguous. */
export function nodeId({ group, node }: Pick<Address, 'group' | 'node'>): string {
  return `${group}/${node}`;
}

/** `GROUP/NODE` or `GROUP/NODE/DEVICE`: the key of its records. */
export function addressId(address: Pick<Address, 'group' | 'node' | 'device'>): string {
  return address.device === null ? nodeId(address) : `${nodeId(address)}/${address.device}`;
}

/** Where an edge node takes commands. */
export function commandTopic(node: string): string {
  const slash = node.indexOf('/');
  return `spBv1.0/${node.slice(0, slash)}/NCMD/${node.slice(slash + 1)}`;
}
