import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('gopush/client is small, and runs on nothing but the socket it is given', async () => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: "export * from 'gopush/client';", resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs).filter((path) => path !== '<stdin>');
  expect(inputs.filter((path) => !/packages\/(client|cli)\/dist\/[\w-]+\.js$/.test(path))).toEqual([]);
  const bytes = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
  console.info(`gopush/client: ${bytes} bytes as packed by gzip`);
  expect(bytes).toBeLessThan(3_000);
});
