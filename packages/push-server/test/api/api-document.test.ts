import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { call, startApis } from '../../../../test/support/api.ts';

/** The part of JSON Schema that the document uses for requests. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Operation {
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Schema }[];
  readonly requestBody?: { content: { 'application/json': { schema: Schema } } };
  readonly responses: Record<string, { content: Record<string, { schema: Record<string, unknown> }> }>;
}

/** Values that a schema describes. */
function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.oneOf !== undefined) return fc.oneof(...schema.oneOf.map(valuesOf));
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1_000, 1_000_000) });
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern));
      return fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 20, 20) });
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), { minLength: 1, maxLength: 4 });
    case 'object': {
      const { properties = {}, required = [] } = schema;
      const fields = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner)]));
      return fc.record(fields, { requiredKeys: [...required] });
    }
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

/** Has fields that exclude each other, so that few random requests are sound. */
const combined = 'POST /users/{uid}/publish';

test('every route answers as the document says, whatever requests it allows', async () => {
  const [server] = await startApis(1);
  if (server === undefined) throw new Error('no server');
  const { body: document } = await call(server, 'GET /openapi.json');
  const error = z.fromJSONSchema(document.components.schemas.Error);
  const answered = new Map<string, Set<number>>();
  for (const [path, operations] of Object.entries<Record<string, Operation>>(document.paths)) {
    if (path === '/listen') continue;
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method.toUpperCase()} ${path}`;
      const { parameters = [], requestBody, responses } = operation;
      const requests = fc.record({
        body:
          requestBody === undefined ? fc.constant(undefined) : valuesOf(requestBody.content['application/json'].schema),
        values: fc.record(Object.fromEntries(parameters.map((one) => [one.name, valuesOf(one.schema)])), {
          requiredKeys: parameters.filter((one) => one.required).map((one) => one.name),
        }),
      });
      const seen = new Set<number>();
      answered.set(name, seen);
      const wanted = z.fromJSONSchema(responses['200']?.content['application/json']?.schema ?? {});
      await fc.assert(
        fc.asyncProperty(requests, async ({ body, values }) => {
          const of = (where: string) => parameters.filter((one) => one.in === where && values[one.name] !== undefined);
          const query = new URLSearchParams(of('query').map((one) => [one.name, String(values[one.name])]));
          const filled = path.replaceAll(/\{(\w+)\}/g, (_, key) =>
            encodeURIComponent(String(values[key])).replaceAll('.', '%2E'),
          );
          // What a header cannot carry is left out of it.
          const headers = Object.fromEntries(
            of('header').map((one) => [one.name, String(values[one.name]).replaceAll(/[^!-~]/g, '') || 'x']),
          );
          // A path of dots alone the client itself resolves.
          if (/\/(%2E){1,2}(\/|$)/.test(filled)) return;
          const answer = await call(server, `${method.toUpperCase()} ${filled}?${query}`, body, { headers });
          seen.add(answer.status);
          expect(Object.keys(responses), JSON.stringify(answer.body)).toContain(String(answer.status));
          if (answer.status === 200) {
            expect(wanted.safeParse(answer.body).error).toBeUndefined();
          } else {
            expect([400, 410]).toContain(answer.status);
            expect(error.safeParse(answer.body).error).toBeUndefined();
          }
        }),
        { numRuns: name === combined ? 400 : 40, endOnFailure: true },
      );
    }
  }
  expect(answered.size).toBe(16);
  for (const [name, statuses] of answered) expect([name, statuses.has(200)]).toEqual([name, true]);
});

test('the document that is committed is the one that is served', async () => {
  const [server] = await startApis(1);
  if (server === undefined) throw new Error('no server');
  const { body } = await call(server, 'GET /openapi.json');
  const file = new URL('../../../../docs/openapi.json', import.meta.url);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(body);
});
