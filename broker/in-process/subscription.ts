/**
 * The topics a member wants, by name or by pattern, and whether what there is of them has changed since it joined.
 */
import type { Topics } from '../metadata/topics.ts';
import { compareText } from './compare-text.ts';

export class Subscription {
  readonly #topics: readonly string[] | RegExp;

  constructor(topics: readonly string[] | RegExp) {
    this.#topics = topics;
  }

  /** Names to subscribe to now. Internal topics match no pattern, as in Kafka's consumer. */
  names(topics: Topics): readonly string[] {
    const wanted = this.#topics;
    if (!(wanted instanceof RegExp)) return wanted;
    const names: string[] = [];
    for (const topic of topics.all()) {
      wanted.lastIndex = 0;
      if (!topic.isInternal && wanted.test(topic.name)) names.push(topic.name);
    }
    return names.sort(compareText);
  }
}

/** Which of these topics there are, with which id and how many partitions: equal texts need no rebalance. */
export function fingerprint(names: readonly string[], topics: Topics): string {
  return names
    .map((name) => {
      const topic = topics.get(name);
      return topic === undefined ? '' : `${topic.topicId}:${topic.partitions}`;
    })
    .join(' ');
}
