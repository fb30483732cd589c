import { type JsonSchema, withoutNull } from './json-schema.ts';

/** A setting and the environment variable that overrides it. */
export interface Variable {
  /** For example `GOPUSH_AGENT_PORT`. */
  readonly name: string;
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

/** Variables that start with `GOPUSH_` but are not settings. */
export const reservedVariables: ReadonlySet<string> = new Set([
  'GOPUSH_ENV',
  'GOPUSH_DIR',
  'GOPUSH_TIER',
  'GOPUSH_INDEX',
  'GOPUSH_API_KEY',
  'GOPUSH_CHECKED',
]);

/** Every setting with its environment variable: `agent.drainMs` is `GOPUSH_AGENT_DRAIN_MS`. */
export function listVariables(root: JsonSchema): Variable[] {
  return Object.entries(root.properties ?? {})
    .filter(([key]) => key !== '$schema')
    .flatMap(([key, schema]) => variablesOf([key], schema));
}

function variablesOf(path: readonly string[], schema: JsonSchema): Variable[] {
  const self = { name: `GOPUSH_${path.map(constantCase).join('_')}`, path, schema };
  const inner = withoutNull(schema).properties;
  if (inner === undefined) return [self];
  return [self, ...Object.entries(inner).flatMap(([key, value]) => variablesOf([...path, key], value))];
}

function constantCase(key: string): string {
  return key.replace(/[A-Z]+/g, '_$&').toUpperCase();
}

/** The value of an environment variable for a setting. Text of the wrong type stays text, and the schema reports it. */
export function readVariable(text: string, schema: JsonSchema): unknown {
  if (text === 'null' && schema.anyOf !== undefined) return null;
  switch (withoutNull(schema).type) {
    case 'integer':
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return { true: true, 1: true, false: false, 0: false }[text] ?? text;
    case 'object':
      return parseJson(text);
    case 'array':
      return text.startsWith('[')
        ? parseJson(text)
        : text
            .split(',')
            .map((one) => one.trim())
            .filter(Boolean);
    default:
      return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
