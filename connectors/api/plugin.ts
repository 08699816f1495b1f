/**
 * What a plugin is: one class name, its aliases, one declaration of its keys, one constructor.
 *
 * `connectors/catalogue.ts` lists the built-in ones; a module in `plugin.path` exports its own as
 * `export const plugins: Plugin[]`.
 */
import type { Config, ConfigDef } from './config.ts';
import type { SinkConnector, SourceConnector } from './connector.ts';
import type { Converter, HeaderConverter } from './converter.ts';
import type { Predicate, Transform } from './transform.ts';

interface PluginOf<Type extends string, Instance> {
  readonly type: Type;
  /** The name users write in `connector.class`, `transforms.x.type` or `value.converter`. */
  readonly class: string;
  /** Other names it answers to: Java class names of what it replaces, short forms. Matched exactly. */
  readonly aliases?: readonly string[];
  readonly version: string;
  readonly config: ConfigDef;
  /**
   * Called once per instance, with no I/O: the life begins at `start` or `configure`. May answer a promise, so that the
   * code of a plugin (and the client library below it) is imported when it is first used, not when the house starts.
   */
  create(): Instance | Promise<Instance>;
}

/** A source says here what it can promise (KIP-618); both are asked with a parsed config, before anything is created. */
export interface SourceConnectorPlugin extends PluginOf<'source', SourceConnector> {
  /**
   * `supported`: with this config, a task that starts from an offset brings exactly the records after it. The worker
   * then writes records and offsets in one transaction. Absent or `unsupported`: at least once, without transactions.
   */
  readonly exactlyOnceSupport?: (config: Config) => 'supported' | 'unsupported';
  /** Whether its tasks can say where transactions end (`transaction.boundary=connector`). Absent: no. */
  readonly canDefineTransactionBoundaries?: (config: Config) => boolean;
}
export type SinkConnectorPlugin = PluginOf<'sink', SinkConnector>;
/** What a transform or predicate makes of records that a chain is still at work on. */
interface TakesDrafts {
  /**
   * It is given the chain's draft (see `RecordDraft`) instead of a record: changes it in place and answers it, keeps
   * neither it nor an object in it. Spares a copy of the record for each transform. Absent: it gets records.
   */
  readonly takesDrafts?: boolean;
}
export interface TransformPlugin extends PluginOf<'transformation', Transform>, TakesDrafts {
  /** It asks for no fields of a value that is JSON text, so that transforms before it may leave it text. Absent: it may ask. */
  readonly leavesText?: boolean;
}
export type PredicatePlugin = PluginOf<'predicate', Predicate> & TakesDrafts;
export type ConverterPlugin = PluginOf<'converter', Converter>;
export type HeaderConverterPlugin = PluginOf<'header_converter', HeaderConverter>;

/** Any plugin; `type` tells which, in the words of `GET /connector-plugins`. */
export type Plugin =
  | SourceConnectorPlugin
  | SinkConnectorPlugin
  | TransformPlugin
  | PredicatePlugin
  | ConverterPlugin
  | HeaderConverterPlugin;
