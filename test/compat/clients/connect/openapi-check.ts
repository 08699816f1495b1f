/**
 * Holds what was said over the wire against the OpenAPI document: every answer must have a shape that the document gives
 * its status, and a request that was accepted must have the shape it asks for.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Step } from './step.ts';
import type { Answer } from './walker.ts';

interface Content {
  readonly content?: { readonly 'application/json': { readonly schema: { readonly $ref: string } } };
}

interface Operation {
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export class OpenApiCheck {
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(document: Document) {
    this.#document = document;
    this.#ajv.addSchema({ $id: 'openapi', components: document.components });
  }

  /** Sentences about what does not fit. */
  problems(step: Step, answer: Answer): string[] {
    const operation = this.#operation(step.call);
    if (operation === null) {
      return answer.status === 404 || answer.status === 405 || answer.status === 400 || step.call.startsWith('OPTIONS')
        ? []
        : [`${answer.status} on a path that the document does not have`];
    }
    const response =
      operation.responses[answer.status] ?? (answer.status >= 400 ? operation.responses.default : undefined);
    if (response === undefined) return [`the document has no answer ${answer.status}`];
    const found = this.#misfit('the answer', response, answer.body);
    if (answer.status >= 400 || operation.requestBody === undefined) return found;
    const sent = typeof step.body === 'string' ? JSON.parse(step.body) : step.body;
    return [...found, ...this.#misfit('the request', operation.requestBody, sent)];
  }

  #operation(call: string): Operation | null {
    const [method, target] = call.split(' ') as [string, string];
    const parts = target
      .split('?')[0]!
      .replace(/(?<=.)\/$/, '')
      .split('/');
    const isSame = (template: string) => {
      const wanted = template.split('/');
      return (
        wanted.length === parts.length && wanted.every((each, index) => each.startsWith('{') || each === parts[index])
      );
    };
    const path = Object.keys(this.#document.paths).find(isSame);
    return path === undefined ? null : (this.#document.paths[path]![method.toLowerCase()] ?? null);
  }

  #misfit(what: string, { content }: Content, body: unknown): string[] {
    if (content === undefined) return body === null ? [] : [`${what} should be empty`];
    const { $ref } = content['application/json'].schema;
    const validate = this.#ajv.getSchema(`openapi${$ref}`);
    if (validate === undefined) return [`${what}: the document has no ${$ref}`];
    if (validate(body)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${what}${instancePath} ${message}`);
  }
}
