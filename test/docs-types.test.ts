import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { type CodeBlock, codeBlocks, guides, root } from './support/docs.ts';

const run = promisify(execFile);
const blocks = guides.flatMap((file) => codeBlocks(file));
const placeOf = ({ file, line }: CodeBlock): string => `${file}:${line}`;

/** Languages that tests below and `docs-code.test.ts` check. */
const checked = new Set(['js', 'ts', 'tsx', 'json', 'jsonc', 'sh', '']);

/** Languages that other tests check, by the files that may have them. */
const checkedElsewhere: Readonly<Record<string, string>> = {
  'docs/deploy.md nginx': 'packages/agent/test/serve/origins.test.ts',
  'docs/deploy.md haproxy': 'test/docs-blocks.test.ts',
  'docs/deploy.md yaml': 'test/docs-blocks.test.ts',
  'docs/tls.md haproxy': 'test/docs-blocks.test.ts',
  'examples/existing-socketio/README.md diff': 'test/examples/readme.test.ts',
};

test('a block of code has a language that a test checks, or none', () => {
  const unchecked = blocks.filter(
    ({ file, language }) => !checked.has(language) && !(`${file} ${language}` in checkedElsewhere),
  );
  expect(unchecked.map((block) => `${placeOf(block)} ${block.language}`)).toEqual([]);
});

/** What examples use and do not define: things of the reader's own project. */
const ambient = `
declare const banned: { has(uid: string): Promise<boolean> };
declare const members: { has(room: string, uid: string): boolean };
declare const lastSeen: { put(uid: string, time: number): Promise<void> };
declare const sessions: { get(id: string | undefined): Promise<{ userId: string } | undefined> };
declare function shardOf(uid: string): Promise<string>;
declare const io: import('socket.io').Server & typeof import('socket.io-client').io;
declare const server: import('node:http').Server;
declare const app: import('express').Express;
declare const acceptHandOffs: typeof import('gopush').acceptHandOffs;
declare const dir: string;
declare const token: string;
declare const socket: import('socket.io-client').Socket;
declare module 'react/jsx-runtime' {
  export namespace JSX {
    interface IntrinsicElements { [name: string]: any }
  }
}
declare module 'mongodb' {
  export const MongoClient: any;
}
declare module 'react' {
  export function useEffect(effect: () => (() => void) | void, deps: unknown[]): void;
  export function useState<T>(): [T | undefined, (value: T) => void];
}
declare module 'next/headers' {
  export const cookies: any;
}
declare module '@nestjs/common' {
  export const Injectable: any;
}
declare module '@nestjs/core' {
  export const NestFactory: { create(module: new () => object): Promise<any> };
}
declare module '@nestjs/platform-socket.io' {
  export class IoAdapter {
    createIOServer(port: number, options?: object): any;
    close(server: any): Promise<void>;
  }
}
declare module 'reflect-metadata' {}
declare const http: import('node:http').Server;
declare const client: import('node:net').Socket;
declare const head: Buffer;
declare const early: Buffer;
declare const record: Buffer;
declare const whatIKeep: { readonly name: string };
declare const events: import('@gopush/hand-off').GiverEvents<typeof whatIKeep>;
declare function log(...what: unknown[]): void;
declare const store: { take(token: unknown): Promise<{ uid: unknown; count: number }>; put(token: string, session: unknown): Promise<void> };
`;

/** As strict as a project in JavaScript can be: what has no type is any. */
const tsconfig = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023', 'ES2024.String', 'DOM', 'DOM.Iterable'],
    module: 'NodeNext',
    moduleDetection: 'force',
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    noEmit: true,
    jsx: 'react-jsx',
    experimentalDecorators: true,
    // Packages that the tests do not depend on.
    paths: {
      '@gopush/hand-off': [join(root, 'packages/hand-off/dist/index.d.ts')],
      '@gopush/slim-socket-io': [join(root, 'packages/slim-socket-io/dist/index.d.ts')],
      '@socket.io/redis-emitter': [
        join(root, 'packages/push-server/node_modules/@socket.io/redis-emitter/dist/index.d.ts'),
      ],
      ioredis: [join(root, 'packages/store/node_modules/ioredis/built/index.d.ts')],
    },
    allowJs: true,
    checkJs: true,
    strict: true,
    strictNullChecks: false,
    noImplicitAny: false,
    useUnknownInCatchVariables: false,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  },
};

/** Files of the reader, as far as blocks import them. A block is at the place of its document. */
const ownFiles = {
  'docs/guides/app.module.d.ts': 'export class AppModule {}',
  'docs/dist/on-push-server.d.ts': 'export function startOn(io: object): Promise<() => Promise<void>>;',
};

test('the blocks in JavaScript and TypeScript are valid for the packages', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-docs-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await symlink(join(root, 'test/node_modules'), join(dir, 'node_modules'));
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }');
  await writeFile(join(dir, 'ambient.d.ts'), ambient);
  await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(tsconfig));
  const code = blocks.filter(({ language }) => /^[jt]sx?$/.test(language));
  expect(code.length).toBeGreaterThan(20);
  for (const [file, text] of Object.entries(ownFiles)) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), text);
  }
  for (const { file, line, language, code: text } of code) {
    // Line numbers of errors are those of the document.
    const path = join(dir, `${file}-${line}.${language}`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '\n'.repeat(line - 1) + text);
  }
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', dir, '--pretty', 'false'];
  const { stdout } = await run(process.execPath, tsc, { cwd: dir }).catch((error) => error);
  expect(stdout).toBe('');
});

test('every file that a command runs or copies exists', () => {
  const folder = (file: string): string => (/^(examples|templates)\//.test(file) ? dirname(file) : '.');
  const missing = guides.flatMap((file) =>
    codeBlocks(file)
      .filter(({ language }) => language === 'sh' || language === '')
      .flatMap(({ code }) => [...code.matchAll(/^(?:[A-Z_]+=\S+ )*(?:node|cd) ([\w./-]+)/gm)])
      .filter(([, path = '']) => ![root, join(root, folder(file))].some((base) => existsSync(join(base, path))))
      .map(([line]) => `${file}: ${line}`),
  );
  expect(missing).toEqual([]);
});
