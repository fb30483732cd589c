import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const include = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'];

/** How a test looks at its process as a whole: at what is open in it, its memory, its warnings. */
const looksAtProcess =
  /countTcp|getActiveResourcesInfo|_getActiveHandles|memoryUsage|\/proc\/self|process\.on\('(warning|unhandledRejection)/;

/** Files that need a process of their own, as other files would change what they look at. */
function filesApart(): string[] {
  const root = fileURLToPath(new URL('.', import.meta.url));
  const folders = ['test', ...readdirSync(`${root}packages`).map((name) => `packages/${name}/test`)];
  return folders
    .filter((folder) => existsSync(root + folder))
    .flatMap((folder) => {
      const files = readdirSync(root + folder, { recursive: true, encoding: 'utf8' });
      return files
        .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
        .map((file) => `${folder}/${file}`)
        .filter((file) => looksAtProcess.test(readFileSync(root + file, 'utf8')));
    });
}

/** Files that take longest begin first, or the last one would run alone at the end. */
const longest = [
  /chaos/,
  /scaffold/,
  /pm2/,
  /from-0\.1/,
  /\/cli\./,
  /fanout\.test/,
  /target-silent/,
  /repeats/,
  /stranded/,
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      // One project after the other: a process is shared only while the next file is of the same project.
      if (project.name === 'apart') return longest.length + 1;
      const index = longest.findIndex((pattern) => pattern.test(moduleId));
      return index === -1 ? longest.length : index;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

const apart = filesApart();

export default defineConfig({
  test: {
    // Real processes and real sockets: a file waits for half of its time, so four of them fill two cores.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Files share a process, so that libraries are loaded once for many files: each closes what it opens.
      { extends: true, test: { name: 'shared', include, exclude: ['**/node_modules/**', ...apart], isolate: false } },
      { extends: true, test: { name: 'apart', include: apart } },
    ],
    // What is built runs as it is, without the transformation that sources in TypeScript need.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    // An upper bound for a busy machine: what is polled for is normally there within milliseconds.
    expect: { poll: { timeout: 10_000, interval: 20 } },
  },
});
