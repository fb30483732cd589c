import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of JSON Schema that the settings use. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly examples?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** The address of a Redis, which the parser replaces by settings: see `applyRedisUrl`. */
const redisAddress: JsonSchema = {
  type: 'string',
  pattern: '^\\s*[a-zA-Z][a-zA-Z0-9+.-]*://',
  examples: ['redis://127.0.0.1:6379'],
};

/** The JSON Schema of a config file, for completion and checks in editors. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }) as JsonSchema;
  const { redisAdapter } = schema.properties ?? {};
  const [settings, none] = redisAdapter?.anyOf ?? [];
  if (settings === undefined || none === undefined) return schema;
  const withAddress = { ...redisAdapter, anyOf: [settings, redisAddress, none] };
  return { ...schema, properties: { ...schema.properties, redisAdapter: withAddress } };
}

/** The first form of a setting that has several: its object, if it may also be text or null. */
export function withoutNull(schema: JsonSchema): JsonSchema {
  return schema.anyOf?.find((one) => one.type !== 'null') ?? schema;
}

/** The schema at a path of keys and list indexes; `undefined` if no such setting exists. */
export function schemaAt(root: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root;
  for (const key of path) {
    if (schema === undefined) return undefined;
    const inner: JsonSchema = withoutNull(schema);
    schema = typeof key === 'number' ? inner.items : propertyOf(inner, String(key));
  }
  return schema;
}

/** The type and bounds of a setting, in words. */
export function describeSchema(schema: JsonSchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`;
  if (schema.anyOf !== undefined) return joinForms(schema.anyOf.map(describeSchema));
  switch (schema.type) {
    case 'integer':
      return `a whole number${describeRange(schema)}`;
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'string':
      if (schema.examples !== undefined) return `text such as ${JSON.stringify(schema.examples[0])}`;
      if (schema.pattern !== undefined && schema.format === undefined) return `text that matches ${schema.pattern}`;
      if ((schema.minLength ?? 0) > 1) return `text of at least ${schema.minLength} characters`;
      return formats[schema.format ?? ''] ?? (schema.minLength === undefined ? 'text' : 'text that is not empty');
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list, each ${schema.items === undefined ? 'anything' : describeSchema(schema.items)}`;
    case 'object':
      return `an object with ${Object.keys(schema.properties ?? {}).join(', ')}`;
    default:
      return schema.type ?? 'anything';
  }
}

/** Forms of a setting, joined by "or". What the first begins with, as "a network such as", is not repeated. */
function joinForms([first = '', ...others]: readonly string[]): string {
  const beginning = /^.* such as /.exec(first)?.[0];
  const rest = others.map((form) =>
    beginning !== undefined && form.startsWith(beginning) ? form.slice(beginning.length) : form,
  );
  return [first, ...rest].join(' or ');
}

const formats: Readonly<Record<string, string>> = {
  cidrv4: 'a network such as "10.0.0.0/8"',
  cidrv6: 'a network such as "fd00::/8"',
};

/** zod writes the bounds of safe integers for an integer without bounds; those are not shown. */
function describeRange({ minimum, maximum }: JsonSchema): string {
  if (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER) return '';
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? ` from ${minimum}`
    : ` from ${minimum} to ${maximum}`;
}

function propertyOf(schema: JsonSchema, key: string): JsonSchema | undefined {
  return Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined;
}
