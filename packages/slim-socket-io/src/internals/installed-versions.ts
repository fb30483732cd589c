import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Versions of the libraries by their names. */
export type Versions = Readonly<Record<'socket.io' | 'socket.io-adapter' | 'engine.io' | 'ws', string>>;

/** The versions that are installed: each as the library above it finds it, since a program may have others besides. */
export function installedVersions(): Versions {
  const own = createRequire(import.meta.url);
  const socketIo = createRequire(own.resolve('socket.io'));
  const engineIo = createRequire(socketIo.resolve('engine.io'));
  return {
    'socket.io': versionOf(own, 'socket.io'),
    'socket.io-adapter': versionOf(socketIo, 'socket.io-adapter'),
    'engine.io': versionOf(socketIo, 'engine.io'),
    ws: versionOf(engineIo, 'ws'),
  };
}

/** Looks for the library's `package.json` beside its files: not every library lets others load it by name. */
function versionOf(require: NodeJS.Require, library: string): string {
  let folder = dirname(require.resolve(library));
  for (;;) {
    const found = readPackage(join(folder, 'package.json'));
    if (found?.name === library) return found.version ?? 'of an unknown version';
    const parent = dirname(folder);
    if (parent === folder) return 'of an unknown version';
    folder = parent;
  }
}

function readPackage(path: string): { readonly name?: string; readonly version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @example `socket.io 4.8.4, socket.io-adapter 2.5.8, engine.io 6.6.11, ws 8.21.3` */
export function describeVersions(versions: Versions): string {
  return Object.entries(versions)
    .map(([library, version]) => `${library} ${version}`)
    .join(', ');
}
