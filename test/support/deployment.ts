import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, parseConfig } from '@gopush/contract';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');

/** The text of a file of the repository. */
export const readFile = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Something that was read from YAML. */
export type Tree = Readonly<Record<string, unknown>>;

/** Reads all documents of a YAML file. @throws Error for what is no YAML, with the line */
export function readYaml(text: string): Tree[] {
  return parseAllDocuments(text, { merge: true, uniqueKeys: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    return document.toJS() as Tree;
  });
}

/** What a deployment puts into the environment, as gopush reads it. @throws Error for a variable that is no setting, or a value that is none */
export function readSettings(variables: Readonly<Record<string, string>>): Config {
  const found = { GOPUSH_ACCESS_SECRETS: 'a-secret-for-the-test', ...variables };
  const parsed = parseConfig({ file: 'config', text: '{}', secrets: undefined, variables: found });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  if (parsed.warnings.length > 0) throw new Error(parsed.warnings.join('\n'));
  return parsed.config;
}

/** A duration such as `1m15s` in seconds. */
export function secondsOf(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600 };
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  if (parts.map(([part]) => part).join('') !== text) throw new Error(`${text} is no duration`);
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0);
}

/** How long a process of a tier may take to stop, in seconds. */
export function stopSeconds(tier: 'agent' | 'push-server', { agent, pushServer }: Config): number {
  if (tier === 'agent') return (agent.notReadyMs + agent.drainMs) / 1_000;
  return Math.max(pushServer.drainMs, pushServer.maxDrainMs) / 1_000;
}

/** Anything: it is looked at elsewhere, or free. */
export const any = Symbol('any');

/** What keys an object may have, and of which kind their values are. */
export type Shape = typeof any | 'string' | 'number' | 'boolean' | [Shape] | { readonly [key: string]: Shape };

/** Keys of an object that are not among those that are known, by their path. */
export function unknownKeys(value: unknown, shape: Shape, path: string): string[] {
  if (shape === any) return [];
  if (Array.isArray(shape)) {
    const [of] = shape as [Shape];
    if (!Array.isArray(value)) return [`${path}: wanted a list`];
    return value.flatMap((one, index) => unknownKeys(one, of, `${path}[${index}]`));
  }
  if (typeof shape === 'string')
    return typeof value === shape ? [] : [`${path}: found ${typeof value}, wanted ${shape}`];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: wanted an object`];
  return Object.entries(value).flatMap(([key, inner]) => {
    const known = (shape as Readonly<Record<string, Shape>>)[key];
    return known === undefined ? [`${path}.${key} is not known`] : unknownKeys(inner, known, `${path}.${key}`);
  });
}
