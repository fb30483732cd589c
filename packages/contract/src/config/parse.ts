import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import type { z } from 'zod';
import { nearest } from '../reading/nearest.ts';
import { listVariables, readVariable, reservedVariables, type Variable } from './environment.ts';
import { hintFor } from './hint.ts';
import { configJsonSchema, describeSchema, type JsonSchema, schemaAt, withoutNull } from './json-schema.ts';
import { renamed, takeOldKeys } from './old-keys.ts';
import type { ConfigProblem } from './problem.ts';
import { applyRedisUrl } from './redis-url.ts';
import { type Config, type ConfigInput, configSchema } from './schema.ts';

/** A file with settings. */
interface ConfigFile {
  /** How messages call the file. */
  readonly file: string;
  /** The file's text: JSON with comments and trailing commas. */
  readonly text: string;
}

/** The sources of settings. All are read before parsing starts. */
export interface ConfigSource extends ConfigFile {
  /** Secret settings, kept out of version control. They override the file. */
  readonly secrets?: ConfigFile | undefined;
  /** Environment variables. `GOPUSH_…` and `REDIS_URL` override both files. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/** Complete settings, or all problems with them. */
export type ParsedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly string[];
      /** Where a setting was given: file and line, or an environment variable; `undefined`: nowhere, it is the default. */
      readonly originOf: (path: readonly string[]) => string | undefined;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** zod compiles code for each group of settings, which pays for values that are many. */
const once = { jitless: true };

let made: JsonSchema | undefined;

/** The schema of all settings, made when it is needed: for variables and for problems. It takes longer than the rest of most parsing. */
function schemaOfAll(): JsonSchema {
  made ??= configJsonSchema();
  return made;
}

/** Parses the config files and the environment. Returns complete settings, or all problems. */
export function parseConfig(source: ConfigSource): ParsedConfig {
  const files = [source, ...(source.secrets === undefined ? [] : [source.secrets])].map(readFile);
  for (const read of files) if ('problem' in read) return { ok: false, problems: [read.problem] };
  const read = files as ReadFile[];
  // Without a prototype: a key `__proto__` in a file is a key like any other.
  const input: Record<string, unknown> = Object.create(null);
  for (const { file, value } of read) {
    const converted = convertRedisText(value, file.file);
    if (isProblem(converted)) return { ok: false, problems: [converted] };
    merge(input, converted);
  }
  const given = applyVariables(input, source.variables ?? {});
  if ('problem' in given) return { ok: false, problems: [given.problem] };
  const originOf = (path: readonly PropertyKey[]): string | undefined => {
    for (let length = path.length; length > 0; length--) {
      const variable = given.origins.get(path.slice(0, length).join('.'));
      if (variable !== undefined) return `environment variable ${variable}`;
    }
    const keys = path.map((key) => (typeof key === 'number' ? key : String(key)));
    for (const { file, tree } of read.toReversed()) {
      const node = tree && findNodeAtLocation(tree, keys);
      if (node !== undefined) return at(file, (node.parent?.type === 'property' ? node.parent : node).offset);
    }
    return undefined;
  };
  const sourceOf = (path: readonly PropertyKey[]): string => originOf(path) ?? source.file;
  const old = takeOldKeys(input, sourceOf);
  const parsed = configSchema.safeParse(input, once);
  const problems = parsed.success ? [] : parsed.error.issues.flatMap((issue) => explain(issue, input, sourceOf));
  if (!parsed.success || old.problems.length > 0) return { ok: false, problems: [...old.problems, ...problems] };
  const warnings = [...given.warnings, ...old.warnings, ...warnOf(parsed.data)];
  return { ok: true, config: freeze(parsed.data), warnings, originOf };
}

/** A file that holds an object. */
interface ReadFile {
  readonly file: ConfigFile;
  readonly tree: Node | undefined;
  readonly value: Record<string, unknown>;
}

function readFile(file: ConfigFile): ReadFile | { readonly problem: ConfigProblem } {
  const errors: ParseError[] = [];
  const tree = parseTree(file.text, errors, { allowTrailingComma: true });
  const error = errors[0];
  if (error !== undefined) {
    const found = printParseErrorCode(error.error)
      .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
      .trim();
    const wanted = 'JSON (comments are allowed)';
    return {
      problem: { source: at(file, error.offset), key: '', found: `a syntax error (${found})`, wanted },
    };
  }
  const value: unknown = tree === undefined ? {} : getNodeValue(tree);
  return isGroup(value)
    ? { file, tree, value }
    : { problem: { source: file.file, key: '', found: show(value), wanted: 'an object' } };
}

function isProblem(value: object): value is ConfigProblem {
  return 'wanted' in value;
}

/** Merges settings over others, group by group. */
function merge(target: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    const inner = target[key];
    if (isGroup(inner) && isGroup(value)) merge(inner, value);
    else target[key] = value;
  }
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Completes the settings that a program gives with the defaults.
 *
 * @throws TypeError that names each invalid setting
 */
export function createConfig(input: ConfigInput = {}): Config {
  const given = convertRedisText(input as Record<string, unknown>, 'config');
  if (isProblem(given)) throw new TypeError(sayAll([given]));
  const parsed = configSchema.safeParse(given, once);
  if (parsed.success) return freeze(parsed.data);
  throw new TypeError(sayAll(parsed.error.issues.flatMap((issue) => explain(issue, given, () => 'config'))));
}

function sayAll(problems: readonly ConfigProblem[]): string {
  return problems.map(({ key, found, wanted }) => `${key}: found ${found}, wanted ${wanted}`).join('; ');
}

/** Settings whose `redisAdapter` may be the address of a Redis, with the settings of that address. */
function convertRedisText(given: Record<string, unknown>, source: string): Record<string, unknown> | ConfigProblem {
  if (typeof given.redisAdapter !== 'string') return given;
  const redis = applyRedisUrl(given.redisAdapter, undefined, source);
  return isProblem(redis) ? redis : { ...given, redisAdapter: redis };
}

/** Warnings about settings that are valid, but dangerous. */
function warnOf({ redisAdapter }: Config): string[] {
  if (redisAdapter === null || redisAdapter.tlsOptions.rejectUnauthorized) return [];
  return [
    'redisAdapter.tlsOptions.rejectUnauthorized is false: anyone on the network path to Redis can read and change the traffic; set redisAdapter.tlsOptions.ca instead',
  ];
}

/** Writes the settings of environment variables over those of the files. */
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
    const redis = applyRedisUrl(redisUrl, input.redisAdapter, 'environment variable REDIS_URL');
    if (isProblem(redis)) return { problem: redis };
    set(['redisAdapter'], redis, 'REDIS_URL');
  }
  const names = Object.keys(environment).filter((name) => name.startsWith('GOPUSH_') && !reservedVariables.has(name));
  if (names.length === 0) return { origins, warnings: [] };
  const variables = listVariables(schemaOfAll());
  // A group comes before its settings in the list, so that the variable of a setting overrides that of its group.
  for (const { name, path, schema } of variables) {
    const text = environment[name];
    if (text === undefined) continue;
    if (path.length === 1 && path[0] === 'redisAdapter' && text.includes('://')) {
      const redis = applyRedisUrl(text, input.redisAdapter, `environment variable ${name}`);
      if (isProblem(redis)) return { problem: redis };
      set(path, redis, name);
    } else set(path, readVariable(text, schema), name);
  }
  const known = new Set(variables.map((variable: Variable) => variable.name));
  const warnings = names
    .filter((name) => !known.has(name))
    .map((name) => `environment variable ${name} is not a setting of gopush${meant(name, known)}`);
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

/** Converts an issue of the schema library to problems. */
function explain(
  issue: z.core.$ZodIssue,
  input: Record<string, unknown>,
  sourceOf: (path: readonly PropertyKey[]) => string,
): ConfigProblem[] {
  const root = schemaOfAll();
  const schema = schemaAt(root, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(withoutNull(schema ?? root).properties ?? {}).filter((key) => key !== '$schema');
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const name = renamed[path.join('.')];
      const hint = name === undefined ? meant(key, known) : `; it was renamed to ${name}`;
      const wanted = `one of ${known.join(', ')}${hint}`;
      return { source: sourceOf(path), key: path.join('.'), found: 'an unknown key', wanted };
    });
  }
  const key = issue.path.join('.');
  const value = valueAt(input, issue.path);
  const isSecret = isHidden.test(key);
  const hint = schema === undefined || isSecret || issue.code === 'custom' ? '' : hintFor(key, value, schema);
  return [
    {
      source: sourceOf(issue.path),
      key,
      found: isSecret ? '(hidden)' : show(value),
      wanted: schema === undefined || issue.code === 'custom' ? issue.message : describeSchema(schema) + hint,
    },
  ];
}

/** Settings that hold secrets, and the lists and entries around them. */
const isHidden =
  /password|secret|^redisAdapter$|^redisAdapter\.tlsOptions(\.key)?$|^(api|admin)(\.keys(\.\d+(\.key)?)?)?$|^webhooks(\.\d+)?$/i;

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

function at({ file, text }: ConfigFile, offset: number): string {
  return `${file}:${text.slice(0, offset).split('\n').length}`;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}
