/**
 * The OpenAPI 3.1 document of the REST API, made of the declarations that also serve it: it cannot lag behind.
 */
import type { Route } from './route.ts';
import { type SchemaName, schemas } from './schemas.ts';

export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace Connect REST API',
      version,
      description: "Kafka Connect's REST API as Millrace serves it. Where they differ is in docs/deviations.md.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas },
  };
}

function operation({ method, path, says, query = {}, body, answers }: Route): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'array', items: { type: 'string' } },
    explode: true,
  }));
  const fine = Object.entries(answers).map(([status, name]) => [status, response(says, name)] as const);
  return {
    operationId: operationId(method, path),
    summary: says,
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body) } }),
    responses: { ...Object.fromEntries(fine), default: response('What went wrong, and what to do.', 'Error') },
  };
}

/** `PUT /connectors/{name}/config` → `put_connectors_name_config` */
function operationId(method: string, path: string): string {
  return [method.toLowerCase(), ...(path.match(/[\w-]+/g) ?? ['worker'])].join('_').replaceAll('-', '_');
}

function response(description: string, name: SchemaName | null): object {
  return name === null ? { description } : { description, content: content(name) };
}

function content(name: SchemaName): object {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } };
}
