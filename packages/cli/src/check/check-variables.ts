import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Finding } from './finding.ts';

/** `process.env.NAME` and `process.env['NAME']`, unless a default follows, or it is only compared or set. */
const reading =
  /\bprocess\.env(?:\.([A-Z][A-Z0-9_]*)\b|\[\s*['"]([A-Z][A-Z0-9_]*)['"]\s*\])(?!\s*(?:\?\?|\|\||[=!]=|=[^=]))/g;

/** `const { NAME } = process.env`. */
const taking = /\{([^{}]*)\}\s*=\s*process\.env\b(?!\s*[.[])/g;

/** Names of variables with secrets. A hook that reads one cannot identify clients without it. */
const isSecret = /SECRET|PASSWORD|TOKEN|_KEY$|^KEY$/;

/** Looks which environment variables hook files read that are not set. */
export async function checkVariables(
  files: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const readers = new Map<string, string>();
  for (const file of files) {
    for (const name of await readVariables(file)) if (!readers.has(name)) readers.set(name, file);
  }
  return [...readers].flatMap(([name, file]): Finding[] => {
    if (variables[name]) return [];
    const detail = `${name} is not set, but ${relative(process.cwd(), file)} reads it`;
    return [{ what: 'environment', state: isSecret.test(name) ? 'wrong' : 'warning', detail }];
  });
}

async function readVariables(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // Variables in comments are not read.
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const taken = [...code.matchAll(taking)].flatMap(([, names = '']) =>
    names.split(',').flatMap((name) => /^\s*([A-Z][A-Z0-9_]*)\s*(?::[^=]*)?$/.exec(name)?.[1] ?? []),
  );
  return [...[...code.matchAll(reading)].map(([, plain, quoted]) => plain ?? quoted ?? ''), ...taken];
}
