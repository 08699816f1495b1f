/** Where: keeps the records for which a CEL condition holds, drops the others. */
import type { Config, ConnectRecord, Transform, TransformPlugin } from '../api/index.ts';
import { compile, type Expression, expressionProblem } from './expression.ts';

class Where implements Transform {
  #condition!: Expression;

  configure(config: Config): void {
    this.#condition = compile(config.string('condition'), 'bool');
  }

  apply<R extends ConnectRecord>(record: R): R | null {
    return this.#condition.evaluate(record) === true ? record : null;
  }
}

export const wherePlugin: TransformPlugin = {
  type: 'transformation',
  class: 'Where',
  takesDrafts: true,
  version: '1.0.0',
  config: {
    condition: {
      type: 'string',
      doc: 'A CEL expression over key, value, headers, topic and timestamp; only records for which it is true go on.',
      importance: 'high',
      validate: (text) => expressionProblem(String(text), 'bool'),
    },
  },
  create: () => new Where(),
};
