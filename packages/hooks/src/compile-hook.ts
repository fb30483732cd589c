import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import { type BuildFailure, build, type Loader, type Plugin, stop } from 'esbuild';
import { HookError } from './hook-error.ts';

/** A hook file with all it imports from the project, as one piece of code. */
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
  running++;
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      bundle: true,
      write: false,
      metafile: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'silent',
      define: { __dirname: '__gopush_dirname', __filename: '__gopush_filename', 'import.meta.url': '__gopush_url' },
      plugins: [ownPaths],
    });
    const inputs = Object.keys(metafile.inputs).map((input) => pathOf(input, dirname(file)));
    return { hook, file, code: outputFiles[0]?.text ?? '', inputs };
  } catch (error) {
    throw new HookError(hook, file, explain(error), { cause: error });
  } finally {
    // The compiler is a process of its own; nothing needs it until the next edit.
    if (--running === 0) await stop();
  }
}

let running = 0;

/**
 * Runs a bundle and gives what the file exports: `module.exports`, or the default export.
 *
 * @throws HookError where the file throws while it is loaded
 */
export function evaluateHook({ hook, file, code }: HookBundle): unknown {
  const module: { exports: unknown } = { exports: {} };
  try {
    const run = compileFunction(code, ['exports', 'require', 'module'], {
      filename: file,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    run(module.exports, createRequire(file), module);
  } catch (error) {
    throw new HookError(
      hook,
      file,
      `it throws when loaded: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  const { exports } = module;
  return isEsModule(exports) ? exports.default : exports;
}

/** A CommonJS router has a product named `default`, so that key alone says nothing. */
function isEsModule(exports: unknown): exports is { default: unknown } {
  return typeof exports === 'object' && exports !== null && '__esModule' in exports && 'default' in exports;
}

/** Each file keeps its own `__dirname`, `__filename` and `import.meta.url` although all end up in one. On the first line, so that line numbers stay. */
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
      return { contents: declarations.join('') + source, loader };
    });
  },
};

function pathOf(input: string, folder: string): string {
  return input.startsWith('/') ? input : `${folder}/${input}`;
}

function explain(error: unknown): string {
  const first = (error as Partial<BuildFailure>).errors?.[0];
  if (first === undefined) return error instanceof Error ? error.message : String(error);
  const { location, text } = first;
  return location === null ? text : `line ${location.line}, column ${location.column + 1}: ${text}`;
}
