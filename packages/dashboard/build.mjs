/** After building: bundles the page into the three files that it consists of. */
import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
await mkdir(at('dist/page'), { recursive: true });
await build({
  entryPoints: { dashboard: at('page/main.tsx') },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  outdir: at('dist/page'),
  logLevel: 'warning',
});
await copyFile(at('page/index.html'), at('dist/page/index.html'));
