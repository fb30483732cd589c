import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { setAuthoritiesAside } from './test/support/authorities.ts';
import { isLong } from './test/support/long.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

setAuthoritiesAside();

const include = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'];

/** How a test looks at its process as a whole: at what is open in it, its memory, its warnings. */
const looksAtProcess =
  /countTcp|getActiveResourcesInfo|_getActiveHandles|memoryUsage|\/proc\/self|process\.on\('(warning|unhandledRejection)/;

/** Files that need a process of their own, as other files would change what they look at. */
function filesApart(): string[] {
  const folders = ['test', ...readdirSync(`${root}packages`).map((name) => `packages/${name}/test`)];
  return folders.flatMap(testFiles).filter((file) => looksAtProcess.test(readFileSync(root + file, 'utf8')));
}

/** The test files of a folder. Libraries are left out: to read their folders takes seconds. */
function testFiles(folder: string): string[] {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

/** Files that make networks: Chromium ends the requests of all its pages when one comes or goes. */
const networks = ['test/seamless/machine-away.test.ts', 'test/gateway/discover.test.ts'];

/** Files that run after all others: they start a dozen processes, each of which fills both cores for a while, or make networks. */
const crowds = [
  ...networks,
  'test/chaos/*.test.ts',
  'packages/cli/test/pm2/*.test.ts',
  'packages/create/test/{pm2,scaffold}.test.ts',
];

/** Those that take longest, in this order: they begin first, as the last one to begin runs alone at the end. */
const longest = [
  'examples/pages',
  ...['commands/cli', 'repeats', 'dashboard', 'stranded', 'whole-deploy', 'seamless/page', 'from-0.1'],
  ...['giver-dies', 'cluster-view', 'unstoppable-clients', 'fanout/fanout', 'seamless/faults', 'outages', 'foreground'],
  ...['clients/engine-io', 'recovery', 'agent-restart', 'hangup', 'hand-off/crash', 'process-end', 'limits/limits'],
  ...['target-gone', 'redis-failover', 'blame', 'gateway/gateway', 'paused', 'terminal', 'matrix/http'],
  ...['hand-off/soak', 'registry', 'presence', 'target-silent', 'namespaces', 'guarded-clients', 'forgotten-store'],
  ...['planned-stop', 'push-server-hangs', 'listener', 'processes/appending', 'commands/check', 'listen/tls'],
  ...[
    'cluster/cost',
    'docs-shell',
    'commands/cluster',
    'guard-received-packets',
    'create/test/templates',
    'silent-takers',
  ],
  ...['cluster/actions', 'templates/pages', 'redis/heartbeat', 'cluster-routes', 'tunnel/tunnel'],
  // Those that run after all others.
  ...['machine-away', 'pm2-failing', 'create/test/scaffold', 'chaos/seamless', 'create/test/pm2', 'chaos/push'],
  ...['pm2/pm2', 'both-tiers', 'pm2-deploy', 'pm2-scale', 'gateway/discover'],
];

/**
 * The projects whose files run side by side, in this order: a process is shared only while the next file is of the same project. The last one
 * has hundreds of files that take milliseconds, with which all processes end at the same time.
 */
const inTurn = ['apart', 'handed over', 'shared'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return 1_000 * inTurn.indexOf(project.name) + (place < 0 ? longest.length : place);
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Real processes and real sockets: a file waits for two thirds of its time, so seven of them fill two cores. */
const besideOthers = { maxWorkers: 7, sequence: { groupOrder: 0 } };

/** When nothing is left that is sensitive to time. */
const afterOthers = { maxWorkers: 4, sequence: { groupOrder: 1 } };

/**
 * For processes of many files, in which most code runs a few times: V8 optimizes it later (see test/support/short-lived.cjs; later versions
 * have no such flag), and begins with a young generation as large as it would let it grow. That is a tenth of their processor time.
 */
const ofManyFiles = {
  execArgv: [
    '--min-semi-space-size=16',
    ...(process.versions.v8.startsWith('11.') ? ['--interrupt-budget=1000000'] : []),
  ],
};

const apart = filesApart();
const exclude = ['**/node_modules/**', ...crowds];

/** Files whose clients can be handed over, and where that makes a difference: they run with hand-offs as well. */
const bothModes = isLong
  ? [
      'test/{seamless,chaos,clients,gateway,access,store-away}/**/*.test.ts',
      'packages/agent/test/{faults,limits,migration,proxy,serve,tunnel}/**/*.test.ts',
      'packages/push-server/test/{migration,recovery}/**/*.test.ts',
    ]
  : ['test/seamless/{seamless,migrated}.test.ts'];

/** With these, `handOff.enabled` is on wherever a test does not set it. */
const withHandOff = { setupFiles: ['test/support/hand-off-mode.mjs'], env: { HAND_OFF: '1' } };

/** With `HAND_OFF=1`, for all. */
const chosenMode = process.env.HAND_OFF === '1' ? withHandOff : {};

export default defineConfig({
  test: {
    testTimeout: 60_000,
    // In CI a test that fails is tried once more, and named: see docs/decisions/0051-unsteady-tests.md.
    retry: process.env.TESTS_RETRY === '1' ? 1 : 0,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    globalSetup: [
      // Tests start what is built: as the sources are now.
      'scripts/bundle.mjs',
      'test/support/browser-server.ts',
    ].map((file) => root + file),
    setupFiles: fileURLToPath(new URL('test/setup.ts', import.meta.url)),
    sequence: { sequencer: LongestFirst },
    projects: [
      // Files share a process, so that libraries are loaded once for many files: each closes what it opens.
      {
        extends: true,
        test: {
          name: 'shared',
          include,
          exclude: [...exclude, ...apart],
          isolate: false,
          ...ofManyFiles,
          ...besideOthers,
          ...chosenMode,
        },
      },
      { extends: true, test: { name: 'apart', include: apart, exclude, ...besideOthers, ...chosenMode } },
      {
        extends: true,
        test: { name: 'crowds', include: crowds, isolate: false, ...ofManyFiles, ...afterOthers, ...chosenMode },
      },
      {
        extends: true,
        test: {
          name: 'handed over',
          include: bothModes,
          isolate: false,
          ...ofManyFiles,
          ...besideOthers,
          ...withHandOff,
        },
      },
    ],
    // What is built runs as it is, without the transformation that sources in TypeScript need.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    // An upper bound for a busy machine: what is polled for is normally there within milliseconds.
    expect: { poll: { timeout: 10_000, interval: 20 } },
  },
});
