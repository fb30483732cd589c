import { lstatSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * Has Node's module loader follow symbolic links again. It looks at the result of the last `stat` of this process, perhaps one by a hook or a
 * library: if that was of a socket or a FIFO, it follows no links (`realpathSync` in `lib/fs.js`, Node 20 to 24), and a package that pnpm has
 * linked does not find its own libraries. To be called before modules are loaded in a process that runs already.
 */
export function followLinks(): void {
  lstatSync('/');
}

/**
 * `require` of a module, for libraries that are loaded on demand.
 *
 * @param url - `import.meta.url` of the module
 */
export function requireOnDemand(url: string): (library: string) => unknown {
  const require = createRequire(url);
  return (library) => {
    followLinks();
    return require(library);
  };
}
