import { apiPath, type FailureCode, failures, maxProductBytes, productParameter } from '@gopush/contract';
import { z } from 'zod';
import { listenQuery } from './listen/listen-query.ts';
import { routes } from './routes/find-route.ts';
import type { Route } from './routes/route.ts';

/** Failures of any request. */
const ofAll: readonly FailureCode[] = [
  'payload_invalid',
  'request_malformed',
  'api_key_missing',
  'api_key_unknown',
  'api_scope_missing',
  'body_too_large',
  'request_timeout',
  'too_many_requests',
  'internal',
];

/** The OpenAPI 3.1 document of the API, made of the same schemas by which requests are checked. */
export function createApiDocument(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  paths['/listen'] = { get: listenOperation() };
  paths['/openapi.json'] = {
    get: {
      summary: 'This document.',
      operationId: 'get_openapi_json',
      responses: { 200: json('OpenAPI 3.1', { type: 'object' }), ...refusals(['api_key_missing', 'api_key_unknown']) },
    },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'gopush',
      version: '1',
      summary: 'Publishes to clients of gopush and controls them.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: apiPath }],
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
      },
      schemas: {
        Error: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message'],
              properties: { code: { enum: Object.keys(failures) }, message: { type: 'string' } },
            },
          },
        },
      },
    },
  };
}

function operation(route: Route): Record<string, unknown> {
  const { method, path, scope, summary, params, query, body, response, id, across } = route;
  return {
    summary,
    description: `Requires a key with the scope ${scope}.`,
    operationId: operationId(method, path),
    ...parametersOf([
      ...fieldsOf(params, 'path'),
      ...fieldsOf(query, 'query'),
      ...(across === true ? [] : [productField]),
      ...(id === 'taken' ? [idHeader] : []),
    ]),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: { 200: json('Done.', schemaOf(response, 'output')), ...refusals([...route.failures, ...ofAll]) },
  };
}

function listenOperation(): Record<string, unknown> {
  return {
    summary: 'Listens to rooms and users, over Server-Sent Events, or over WebSocket if the request is an upgrade.',
    description:
      'Requires a key with the scope read, or an identity from an agent. Without an upgrade the response does not end; see docs/api.md.',
    operationId: 'listen',
    parameters: [
      ...fieldsOf(listenQuery, 'query'),
      productField,
      { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } },
    ],
    responses: {
      101: { description: 'WebSocket, if the request is an upgrade.' },
      200: { description: 'Events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      ...refusals([
        'payload_invalid',
        'room_invalid',
        'api_key_missing',
        'api_key_unknown',
        'api_scope_missing',
        'connect_refused',
        'join_refused',
        'identity_unsigned',
        'too_many_requests',
        'stopping',
      ]),
    },
  };
}

const productField = {
  name: productParameter,
  in: 'query',
  required: false,
  description:
    'With pushServer.isolateProducts: the product of the rooms and users. Default: default; for notify: all products.',
  schema: { type: 'string', minLength: 1, maxLength: maxProductBytes },
};

const idHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same as id in the body. In a batch, the ids of messages without an id are derived from it.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

function parametersOf(parameters: readonly object[]): { parameters?: readonly object[] } {
  return parameters.length === 0 ? {} : { parameters };
}

function fieldsOf(schema: z.ZodObject, where: 'path' | 'query'): object[] {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
}

/** Failures by their status, as OpenAPI wants them. */
function refusals(codes: readonly FailureCode[]): Record<number, object> {
  const byStatus: Record<number, FailureCode[]> = {};
  for (const code of new Set(codes)) {
    const { http } = failures[code];
    byStatus[http] = [...(byStatus[http] ?? []), code];
  }
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, list]) => [
      status,
      json(list.map((code) => `${code}: ${failures[code].message}`).join(' '), { $ref: '#/components/schemas/Error' }),
    ]),
  );
}

function json(description: string, schema: object): object {
  return { description, content: { 'application/json': { schema } } };
}

function operationId(method: string, path: string): string {
  return `${method.toLowerCase()}${path.replaceAll(/[{}]/g, '').replaceAll(/[^a-z]+/gi, '_')}`;
}
