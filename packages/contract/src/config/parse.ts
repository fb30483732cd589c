import { findNodeAtLocation, getNodeValue, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { z } from 'zod';
import { listVariables, parseRedisUrl, readVariable, reservedVariables, type Variable } from './environment.ts';
import { configJsonSchema, describeSchema, schemaAt, withoutNull } from './json-schema.ts';
import { nearest } from './nearest.ts';
import type { ConfigProblem } from './problem.ts';
import { type Config, type ConfigInput, configSchema } from './schema.ts';

/** Where settings come from, all read before parsing starts. */
export interface ConfigSource {
  /** How messages call the file. */
  readonly file: string;
  /** The file's text: JSON with comments and trailing commas. */
  readonly text: string;
  /** Environment variables; `GOPUSH_…` and `REDIS_URL` count, before the file. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/** Complete settings, or everything that is wrong with them. */
export type ParsedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

const root = configJsonSchema();
const variables = listVariables(root);

/** Takes a config file and the environment to complete settings, or to a list of everything that is wrong. */
export function parseConfig(source: ConfigSource): ParsedConfig {
  const errors: ParseError[] = [];
  const tree = parseTree(source.text, errors, { allowTrailingComma: true });
  const error = errors[0];
  if (error !== undefined) {
    const found = printParseErrorCode(error.error)
      .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
      .trim();
    return problem(
      at(source, error.offset),
      '',
      `a mistake in the syntax (${found})`,
      'JSON, in which comments are allowed',
    );
  }
  const value: unknown = tree === undefined ? {} : getNodeValue(tree);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return problem(source.file, '', show(value), 'an object');
  }

  const input = value as Record<string, unknown>;
  const given = applyVariables(input, source.variables ?? {});
  if ('problem' in given) return { ok: false, problems: [given.problem] };
  const parsed = configSchema.safeParse(input);
  if (parsed.success) return { ok: true, config: freeze(parsed.data), warnings: given.warnings };

  const sourceOf = (path: readonly PropertyKey[]): string => {
    for (let length = path.length; length > 0; length--) {
      const variable = given.origins.get(path.slice(0, length).join('.'));
      if (variable !== undefined) return `environment variable ${variable}`;
    }
    const node =
      tree === undefined
        ? undefined
        : findNodeAtLocation(
            tree,
            path.map((key) => (typeof key === 'number' ? key : String(key))),
          );
    return node === undefined
      ? source.file
      : at(source, (node.parent?.type === 'property' ? node.parent : node).offset);
  };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => explain(issue, input, sourceOf)) };
}

/**
 * Takes settings given by a program to complete settings.
 *
 * @throws TypeError naming each wrong setting
 */
export function createConfig(input: ConfigInput = {}): Config {
  const parsed = configSchema.safeParse(input);
  if (parsed.success) return freeze(parsed.data);
  const problems = parsed.error.issues.flatMap((issue) =>
    explain(issue, input as Record<string, unknown>, () => 'config'),
  );
  throw new TypeError(problems.map(({ key, found, wanted }) => `${key}: found ${found}, wanted ${wanted}`).join('; '));
}

/** Writes what the environment says over what the file says. */
function applyVariables(
  input: Record<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): { origins: Map<string, string>; warnings: string[] } | { problem: ConfigProblem } {
  const origins = new Map<string, string>();
  const set = (path: readonly string[], value: unknown, name: string): void => {
    assign(input, path, value);
    origins.set(path.join('.'), name);
  };
  const redisUrl = environment.REDIS_URL;
  if (redisUrl) {
    const redis = parseRedisUrl(redisUrl);
    if ('found' in redis) return { problem: redis as ConfigProblem };
    set(['redisAdapter'], redis, 'REDIS_URL');
  }
  // Groups come before their settings in the list, so that a setting's own variable has the last word.
  for (const { name, path, schema } of variables) {
    const text = environment[name];
    if (text !== undefined) set(path, readVariable(text, schema), name);
  }
  const known = new Set(variables.map((variable: Variable) => variable.name));
  const warnings = Object.keys(environment)
    .filter((name) => name.startsWith('GOPUSH_') && !known.has(name) && !reservedVariables.has(name))
    .map((name) => `environment variable ${name} is no setting of gopush${meant(name, known)}`);
  return { origins, warnings };
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = target[key];
  const group = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  target[key] = group;
  assign(group, rest, value);
}

/** Takes what the schema library says to what we say. */
function explain(
  issue: z.core.$ZodIssue,
  input: Record<string, unknown>,
  sourceOf: (path: readonly PropertyKey[]) => string,
): ConfigProblem[] {
  const schema = schemaAt(root, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(withoutNull(schema ?? root).properties ?? {}).filter((key) => key !== '$schema');
    return issue.keys.map((key) => ({
      source: sourceOf([...issue.path, key]),
      key: [...issue.path, key].join('.'),
      found: 'an unknown key',
      wanted: `one of ${known.join(', ')}${meant(key, known)}`,
    }));
  }
  const key = issue.path.join('.');
  return [
    {
      source: sourceOf(issue.path),
      key,
      found: isHidden.test(key) ? '(hidden)' : show(valueAt(input, issue.path)),
      wanted: schema === undefined || issue.code === 'custom' ? issue.message : describeSchema(schema),
    },
  ];
}

/** Settings that hold secrets, and the lists and entries around them. */
const isHidden = /password|secret|^api(\.keys(\.\d+(\.key)?)?)?$|^webhooks(\.\d+)?$/i;

function meant(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? '' : `; did you mean ${candidate}?`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function at({ file, text }: ConfigSource, offset: number): string {
  return `${file}:${text.slice(0, offset).split('\n').length}`;
}

function problem(source: string, key: string, found: string, wanted: string): ParsedConfig {
  return { ok: false, problems: [{ source, key, found, wanted }] };
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}
