import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFailed, onTestFinished } from 'vitest';
import { createProject } from '../../packages/create/src/create-project.ts';
import { freePort } from '../../packages/store/test/support/redis.ts';

const workspace = fileURLToPath(new URL('../../', import.meta.url));
/** The command, as it is built. */
export const bin = join(workspace, 'packages/cli/dist/bin/gopush.js');

/** A command that ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that is running. */
export interface RunningCommand {
  readonly child: ChildProcess;
  /** Sends a signal to it, or to its whole group. */
  signal(name: NodeJS.Signals): void;
  stdout(): string;
  /** Resolves when the output so far matches. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Starts `gopush` with these arguments; it ends with the test. */
export function startGopush(
  args: readonly string[],
  {
    prefix = [],
    ...options
  }: {
    cwd?: string;
    env?: NodeJS.ProcessEnv /** To run it on a machine of the test. */;
    prefix?: readonly string[];
  } = {},
): RunningCommand {
  const [program = process.execPath, ...before] = [...prefix, process.execPath];
  return startProgram(program, [...before, bin, ...args], options);
}

/** Runs `gopush` to its end. */
export function gopush(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return startGopush(args, options).ended;
}

/** How a program is started. */
interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Whether signals go to all it started, as Ctrl-C does. */
  readonly ownGroup?: boolean;
}

/** Starts a program; it ends with the test. */
export function startProgram(
  command: string,
  args: readonly string[],
  { cwd = workspace, env = {}, ownGroup = false }: ProgramOptions = {},
): RunningCommand {
  const { NODE_ENV: _, ...inherited } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: ownGroup,
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined) process.kill(ownGroup ? -child.pid : child.pid, name);
  };
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk) => {
      output[stream] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code, ...output }) as Ended);
  // A fault that comes once in twenty runs is seen once.
  onTestFailed(() =>
    console.error(`${args.join(' ')} wrote:\n${output.stdout.slice(-20_000)}${output.stderr.slice(-20_000)}`),
  );
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    signal('SIGTERM');
    const kill = setTimeout(signal, 10_000, 'SIGKILL');
    await ended;
    clearTimeout(kill);
  });
  return {
    child,
    signal,
    ended,
    stdout: () => output.stdout,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(output.stdout + output.stderr)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        void ended.then((end) => reject(new Error(`ended before ${pattern}: ${end.stdout}${end.stderr}`)));
        look();
      }),
  };
}

/** An empty folder that ends with the test. */
export async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A project on ports of its own. */
export interface TestProject {
  readonly dir: string;
  readonly port: number;
  readonly url: string;
  /** The folder in which its push-servers meet. */
  readonly fanoutDir: string;
}

/** Makes a project as `gopush create` does, on free ports. */
export async function makeProject(config: Record<string, unknown> = {}): Promise<TestProject> {
  const dir = await makeFolder();
  await createProject({ dir, typescript: false, force: false });
  // As npm install would, without the registry.
  await mkdir(join(dir, 'node_modules'));
  await symlink(join(workspace, 'packages/cli'), join(dir, 'node_modules/gopush'));
  const port = await freePort();
  const serverPortStart = await freePort(4);
  const fanoutDir = join(dir, 'mesh');
  const settings = {
    agentPort: port,
    serverPortStart,
    serverWorkers: 2,
    agent: { drainMs: 500 },
    ...config,
    // A machine that has much to do with other tests delays these processes: they would refuse clients, who do not try again.
    limits: { eventLoopDelayMs: 0, ...(config.limits as object) },
    pushServer: {
      publicDir: 'public',
      drainMs: 500,
      fanoutDir,
      limits: { beginDelayMs: 0 },
      ...(config.pushServer as object),
    },
  };
  await writeFile(join(dir, 'config/local.json'), JSON.stringify(settings));
  return { dir, port, url: `http://127.0.0.1:${port}`, fanoutDir };
}
