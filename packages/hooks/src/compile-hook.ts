import { readFile } from 'node:fs/promises';
import { createRequire, Module } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { followLinks, requireOnDemand } from '@gopush/service';
import type { BuildFailure, Loader, Plugin } from 'esbuild';
import { HookError } from './hook-error.ts';
import { describeThrown } from './place-of.ts';

/** A hook file bundled with everything it imports from the project. */
export interface HookBundle {
  readonly hook: string;
  readonly file: string;
  readonly code: string;
  /** The files it was made of: those to watch. */
  readonly inputs: readonly string[];
}

/**
 * Bundles a hook file and the project files it imports into one CommonJS function body.
 *
 * `import()` with a changing query would leak the module at every reload, miss changes in imported files and not read TypeScript
 * on Node 20; bundling does none of that and treats CommonJS, ES modules and TypeScript alike. Packages stay outside.
 *
 * @throws HookError for anything that does not compile, with line and column
 */
export async function bundleHook(hook: string, file: string): Promise<HookBundle> {
  try {
    const { outputFiles, metafile } = await compile(file);
    const inputs = Object.keys(metafile.inputs).map((input) => pathOf(input, dirname(file)));
    return { hook, file, code: outputFiles[0]?.text ?? '', inputs };
  } catch (error) {
    throw new HookError(hook, file, explain(error, file), { cause: error });
  }
}

function compile(file: string) {
  return withCompiler(({ build }) =>
    build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      bundle: true,
      write: false,
      metafile: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      // By names alone: the contents are in the files.
      sourcemap: 'inline',
      sourcesContent: false,
      logLevel: 'silent',
      define: { __dirname: '__gopush_dirname', __filename: '__gopush_filename', 'import.meta.url': '__gopush_url' },
      plugins: [ownPaths],
    }),
  );
}

const require = requireOnDemand(import.meta.url);

let running = 0;

/** Keeps the compiler for some work, in which several files may be bundled. It is a process of its own; nothing needs it until the next edit. */
export async function withCompiler<T>(work: (compiler: typeof import('esbuild')) => Promise<T>): Promise<T> {
  // Loaded now: a push-server without a hook does without it.
  const compiler = require('esbuild') as typeof import('esbuild');
  running++;
  try {
    return await work(compiler);
  } finally {
    if (--running === 0) await compiler.stop();
  }
}

/** How long a file may take to load, in milliseconds. One that blocks for ever must not block this process as long. */
const loadMs = 15_000;

/** Where the script finds the function to run. A symbol of our own cannot collide. */
const loading = Symbol.for('gopush.loading');

/** Calls a function from within a script, since only a script can have a deadline. */
const load = new Script('globalThis[Symbol.for("gopush.loading")]()', { filename: 'node:gopush-load' });

let versions = 0;

/**
 * Runs a bundle and returns what the file exports: `module.exports`, or the default export.
 *
 * It runs as a module of Node, so that Node uses its source map and stacks name the original lines. Each version has a
 * name of its own, by which its map is found.
 *
 * @param timeoutMs - how long that may take, in milliseconds. @defaultValue 15,000
 * @throws HookError if the file throws while it is loaded, wants to end the process, or takes too long
 */
export function evaluateHook({ hook, file, code }: HookBundle, timeoutMs = loadMs): unknown {
  process.setSourceMapsEnabled(true);
  const module = new Module(file) as Module & { _compile(code: string, filename: string): void };
  module.filename = file;
  module.paths = createRequire(file).resolve.paths('x') ?? [];
  followLinks();
  try {
    loadWithin(() => module._compile(code, `${file}?${++versions}`), timeoutMs);
  } catch (error) {
    throw new HookError(hook, file, `it throws when loaded: ${describeThrown(error)}`, { cause: error });
  }
  const { exports } = module;
  const hookExports: unknown = isEsModule(exports) ? exports.default : exports;
  if (Object(hookExports) === hookExports) modules.set(hookExports as object, module);
  return hookExports;
}

/** Node forgets the source map of a module that is collected as garbage, although functions of it are still called. */
const modules = new WeakMap<object, Module>();

/** Loads something that neither ends this process nor blocks it for ever. A system call that blocks cannot be stopped. */
function loadWithin(run: () => void, timeoutMs: number): void {
  const { exit } = process;
  process.exit = function refuse(code) {
    const error = new Error(`it calls process.exit(${code ?? ''}), which hooks must not do`);
    // As if it were thrown where the hook calls it.
    Error.captureStackTrace(error, refuse);
    throw error;
  };
  Object.assign(globalThis, { [loading]: run });
  try {
    load.runInThisContext({ timeout: timeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw `it did not load within ${timeoutMs} ms`;
  } finally {
    process.exit = exit;
    Object.assign(globalThis, { [loading]: undefined });
  }
}

/** A CommonJS router may have a product named `default`, so that key alone proves nothing. */
function isEsModule(exports: unknown): exports is { default: unknown } {
  return typeof exports === 'object' && exports !== null && '__esModule' in exports && 'default' in exports;
}

/** Keeps `__dirname`, `__filename` and `import.meta.url` of each bundled file. On the first line, so that line numbers stay the same. */
const ownPaths: Plugin = {
  name: 'own-paths',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?[jt]s$/, namespace: 'file' }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!/\b(__dirname|__filename|import\.meta)\b/.test(source)) return undefined;
      const constants = {
        __gopush_dirname: dirname(path),
        __gopush_filename: path,
        __gopush_url: pathToFileURL(path).href,
      };
      const declarations = Object.entries(constants).map(
        ([name, value]) => `const ${name} = ${JSON.stringify(value)};`,
      );
      const loader: Loader = extname(path).includes('t') ? 'ts' : 'js';
      // A hashbang and directives have to stay at the beginning.
      const [start = ''] = /^(#!.*\n)?(\s*(['"])use strict\3;?)?/.exec(source) ?? [];
      return { contents: start + declarations.join('') + source.slice(start.length), loader };
    });
  },
};

function pathOf(input: string, folder: string): string {
  return input.startsWith('/') ? input : `${folder}/${input}`;
}

function explain(error: unknown, file: string): string {
  const first = (error as Partial<BuildFailure>).errors?.[0];
  if (first === undefined) return error instanceof Error ? error.message : String(error);
  const { location, text } = first;
  if (location === null) return text;
  const place = `line ${location.line}, column ${location.column + 1}: ${text}`;
  const path = pathOf(location.file, dirname(file));
  return resolve(path) === file ? place : `${resolve(path)}, which it imports: ${place}`;
}
