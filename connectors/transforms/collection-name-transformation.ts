/** CollectionNameTransformation (Debezium's JDBC sink): the topic gets another style of name, a prefix, a suffix. Step 2. */
import { type Config, type ConnectRecord, DataError, type Transform, type TransformPlugin } from '../api/index.ts';
import { namingKeys, renamer } from './naming-style.ts';
import { withTopic } from './side.ts';

class CollectionNameTransformation implements Transform {
  #rename: (name: string) => string = (name) => name;

  configure(config: Config): void {
    this.#rename = renamer(config, 'collection');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const topic = this.#rename(record.topic);
    if (topic === '')
      throw new DataError(`CollectionNameTransformation leaves nothing of the topic "${record.topic}".`);
    return topic === record.topic ? record : withTopic(record, topic);
  }
}

export const collectionNameTransformationPlugin: TransformPlugin = {
  type: 'transformation',
  class: 'CollectionNameTransformation',
  aliases: ['io.debezium.connector.jdbc.transforms.CollectionNameTransformation'],
  version: '1.0.0',
  config: namingKeys('collection', 'topic'),
  takesDrafts: true,
  leavesText: true,
  create: () => new CollectionNameTransformation(),
};
