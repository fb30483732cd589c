import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { configJsonSchema, events, failures, listVariables, parseConfig } from '@gopush/contract';
import { describe, expect, test } from 'vitest';
import { commandsOfFile } from './support/commands.ts';
import { codeBlocks, guides, readDocument as read, root } from './support/docs.ts';

/** Documents that people copy from. Decisions and the changelog also tell of what is gone. */
const docs = guides;
const blocks = docs.flatMap((file) => codeBlocks(file).map(({ language, code }) => ({ file, language, text: code })));
type Block = (typeof blocks)[number];
const of = (...languages: readonly string[]): Block[] => blocks.filter(({ language }) => languages.includes(language));
/** Code within a line of text. */
const spans = docs.flatMap((file) =>
  [...read(file).matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, text = '']) => ({
    file,
    text: text.replaceAll('\n', ' '),
  })),
);
const command = commandsOfFile();

/** What may follow each command, by the command with those above it: options, subcommands, fixed arguments. */
async function readCommands(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { stdout } = await command(['completion', 'bash']);
  return new Map(
    [...stdout.matchAll(/^ +"(gopush[^"]*)"\) found="([^"]*)"/gm)].map(([, path = '', words = '']) => [
      path,
      words.split(' '),
    ]),
  );
}

/** What a command line has that `gopush` does not. */
function unknownIn(line: string, commands: ReadonlyMap<string, readonly string[]>): string[] {
  let path = 'gopush';
  const unknown: string[] = [];
  for (const [index, word] of line.trim().split(/\s+/).slice(1).entries()) {
    const words = commands.get(path) ?? [];
    if (word.startsWith('--')) {
      const [name = ''] = word.split('=');
      if (![...words, ...(commands.get('gopush') ?? [])].includes(name)) unknown.push(`${path} has no ${name}`);
    } else if (commands.has(`${path} ${word}`)) path += ` ${word}`;
    else if (index === 0 && word !== '<command>') unknown.push(`no command ${word}`);
  }
  return unknown;
}

test('commands of gopush in the docs exist, with their options', async () => {
  const commands = await readCommands();
  expect(commands.size).toBeGreaterThan(20);
  const lines = [...of('', 'sh'), ...spans].flatMap(({ file, text }) =>
    text
      .split('\n')
      .flatMap((line) => /(?:^|^.*(?:npx |bin\/|\$\(|&& ))gopush ([a-z<-].*)$/.exec(line)?.[1] ?? [])
      // What follows after a gap explains the command.
      .map((rest): [string, string] => [file, `gopush ${rest.replace(/( {2,}| [|#&]|\)).*$/, '')}`]),
  );
  expect(lines.length).toBeGreaterThan(60);
  const wrong = lines.flatMap(([file, line]) => unknownIn(line, commands).map((what) => `${file}: ${line}: ${what}`));
  expect(wrong).toEqual([]);
  expect(unknownIn('gopush drian 0', commands)).toEqual(['no command drian']);
  expect(unknownIn('gopush push room lobby chat --keeps no', commands)).toEqual(['gopush push room has no --keeps']);
});

test('environment variables in the docs exist', () => {
  const known = new Set([
    ...listVariables(configJsonSchema()).map(({ name }) => name),
    // Not of settings: which files are read, keys of commands, and those of the tests and of a Compose file.
    ...['GOPUSH_ENV', 'GOPUSH_DIR', 'GOPUSH_TIER', 'GOPUSH_INDEX', 'GOPUSH_API_KEY', 'GOPUSH_ADMIN_KEY'],
    ...['GOPUSH_TESTS', 'GOPUSH_CHAOS', 'GOPUSH_SECRET'],
  ]);
  const unknown = docs.flatMap((file) =>
    [...read(file).matchAll(/\bGOPUSH_[A-Z0-9_]*[A-Z0-9]\b/g)]
      .filter(([name]) => !known.has(name))
      .map(([name]) => `${file}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

test('settings in the docs exist', () => {
  const known = listVariables(configJsonSchema()).map(({ path }) => path.join('.'));
  const groups = new Set(known.map((path) => path.split('.')[0]));
  const named = docs
    // It names those that are gone.
    .filter((file) => file !== 'docs/from-0.1.md')
    .flatMap((file) => [...read(file).matchAll(/`((\w+)(?:\.\w+)+)(?=[`:])/g)].map((match) => ({ file, match })))
    .filter(({ match: [, , group = ''] }) => groups.has(group));
  expect(named.length).toBeGreaterThan(300);
  const exists = (path: string): boolean => known.some((one) => one === path || one.startsWith(`${path}.`));
  expect(
    named.filter(({ match: [, path = ''] }) => !exists(path)).map(({ file, match }) => `${file}: ${match[1]}`),
  ).toEqual([]);
});

test('codes in docs/troubleshooting.md are those of the failure table', () => {
  const named = [
    ...read('docs/troubleshooting.md').matchAll(
      /`((?:target|api|uid|too|path|product|engine|origin|identity)_[a-z_]+[a-z])`/g,
    ),
  ];
  expect(named.length).toBeGreaterThan(15);
  expect(named.map(([, code = '']) => code).filter((code) => !(code in failures))).toEqual([]);
});

/** What a number in a text means: milliseconds, bytes, or how many. */
const units: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, KiB: 1024, MiB: 1024 ** 2 };

test('numbers that follow a setting are its default', () => {
  const defaults = new Map(
    listVariables(configJsonSchema()).map(({ path, schema }) => [path.join('.'), schema.default as unknown]),
  );
  const told = docs.flatMap((file) =>
    [...read(file).matchAll(/`((?:\w+\.)+\w+)`(?: \(| \| )(\d[\d,]*)(?: (\w+))?(?=[ )|])/g)].flatMap(
      ([, path = '', number = '', unit = '']) => {
        const value = Number(number.replaceAll(',', '')) * (units[unit] ?? 1);
        return typeof defaults.get(path) === 'number' ? [{ file, path, value }] : [];
      },
    ),
  );
  expect(told.length).toBeGreaterThan(15);
  expect(told.filter(({ path, value }) => defaults.get(path) !== value)).toEqual([]);
});

test('docs/failures.md says what to do about each code, once', () => {
  const [, section = ''] = read('docs/failures.md').split('\n## What to do\n');
  const [table = ''] = section.split('\n## ');
  const told = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/\w+/g)].map(([code]) => code),
  );
  expect(told.toSorted()).toEqual(Object.keys(failures).toSorted());
});

test('events of gopush in the docs exist', () => {
  const known: readonly string[] = Object.values(events);
  const named = docs.flatMap((file) => [...read(file).matchAll(/\bgo:[a-z]+\b/g)].map(([name]) => ({ file, name })));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(({ name }) => !known.includes(name))).toEqual([]);
});

test('requests of the HTTP API in the docs exist', () => {
  const { paths } = JSON.parse(read('docs/openapi.json')) as { paths: Record<string, object> };
  const known = Object.entries(paths).map(([path, operations]) => ({
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    methods: Object.keys(operations).map((method) => method.toUpperCase()),
  }));
  const named = docs.flatMap((file) =>
    [
      ...read(file).matchAll(
        /\b(GET|POST|PUT|DELETE)[ \n](?:\/api\/v1)?(\/(?:rooms|users|sockets|batch|notify|listen)\b[\w{}<>/.]*)/g,
      ),
    ].map(([, method = '', path = '']) => ({ file, method, path })),
  );
  const exists = ({ method, path }: { method: string; path: string }): boolean =>
    known.some(({ pattern, methods }) => pattern.test(path) && methods.includes(method));
  expect(named.length).toBeGreaterThan(25);
  expect(named.filter((one) => !exists(one))).toEqual([]);
  expect(exists({ method: 'PUT', path: '/rooms/lobby/publish' })).toBe(false);
});

test('paths of the repository in code exist', () => {
  const missing = blocks.flatMap(({ file, text }) =>
    [...text.matchAll(/(?<![\w./-])((?:deploy|bench|examples|scripts|packages|templates)\/[\w./*-]+)/g)]
      .map(([, path = '']) => path.replace(/[^/]*\*.*$/, ''))
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${file}: ${path}`),
  );
  expect(missing).toEqual([]);
});

test('paths of admin listeners in code exist', () => {
  const sources = [
    'service/src/admin',
    'cluster/src',
    'agent/src/start',
    'push-server/src/observe',
    'push-server/src/start',
  ]
    .flatMap((folder) =>
      readdirSync(join(root, 'packages', folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => read(`packages/${folder}/${name}`)),
    )
    .join('');
  const asked = blocks.flatMap(({ file, text }) =>
    [...text.matchAll(/localhost:9[67]\d\d(\/[\w/-]*)/g)].map(([, path = '']): [string, string] => [file, path]),
  );
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.filter(([, path]) => !new RegExp(`'(GET|PUT|POST) ${path}'`).test(sources))).toEqual([]);
});

describe('settings in', () => {
  test.each(of('json', 'jsonc').map((block, index) => ({ ...block, index })))(
    '$file are valid ($index)',
    ({ text }) => {
      const whole = /^\s*(?:\/\/.*\n\s*)*\{/.test(text) ? text : `{ ${text} }`;
      const filled = whole.replaceAll(/at least (\d+) characters/g, (_, count) => 'x'.repeat(Number(count)));
      const variables = { GOPUSH_ACCESS_SECRETS: 'a-secret-of-this-test' };
      const parsed = parseConfig({ file: 'config', text: filled, secrets: undefined, variables });
      expect(parsed.ok ? [] : parsed.problems).toEqual([]);
    },
  );
});

describe('programs in', () => {
  const hooks = createRequire(join(root, 'packages/hooks/package.json'));
  const { transform } = hooks('esbuild') as {
    transform(code: string, options: object): Promise<{ readonly warnings: readonly { readonly text: string }[] }>;
  };
  test.each(of('js', 'ts').map((block, index) => ({ ...block, index })))(
    '$file can be read, and import what exists ($index)',
    async ({ text }) => {
      // Several files may stand in one block, each with its imports and its default export.
      for (const part of text.split(/^(?=\/\/ [\w/.-]+\.[jt]s$)/m)) {
        // A member of an object may stand alone.
        const code = /^\w+: /.test(part) ? `({ ${part} })` : part;
        const { warnings } = await transform(code, { loader: 'ts', format: 'esm', logLevel: 'silent' });
        expect(warnings.map((warning) => warning.text)).toEqual([]);
        for (const [, names = '', from = ''] of part.matchAll(/import (?!type)\{([^}]*)\} from '(gopush[\w/-]*)'/g)) {
          const exported = Object.keys((await import(from)) as object);
          for (const name of names.split(',').map((one) => one.trim().split(' as ', 1)[0] ?? '')) {
            if (name !== '' && !name.startsWith('type ')) expect(exported, from).toContain(name);
          }
        }
      }
    },
  );
});
