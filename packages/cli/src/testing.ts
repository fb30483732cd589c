import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigInput, type KeysOf, refuseUnknownKeys } from '@gopush/contract';
import type { Push } from '@gopush/push-server';
import { createLifetime } from '@gopush/service';
import { createLogger } from './create-logger.ts';
import { loadProject } from './project.ts';
import { startAgent } from './start-agent.ts';
import { startPushServer } from './start-push-server.ts';

/** Which project is started, and with which settings. */
export interface StartProjectOptions {
  /** Folder of the project. @defaultValue the current one */
  readonly dir?: string;
  /** Environment of the project. Unlike commands, this ignores `GOPUSH_ENV` and `NODE_ENV`, which test runners set. @defaultValue `'local'` */
  readonly env?: string;
  /** Settings that replace those of the project, one by one. @defaultValue none */
  readonly config?: ConfigInput;
}

const optionKeys: KeysOf<StartProjectOptions> = { dir: true, env: true, config: true };

/** A project that is running in this process. */
export interface RunningProject {
  /** Where clients reach its agent. */
  readonly url: string;
  /** Publishes to its rooms and users; `undefined` if the project has no push-servers. */
  readonly push: Push | undefined;
  /** Stops the project, and removes its store. Connections that are still open are cut after 200 ms. */
  close(): Promise<void>;
}

/**
 * Starts a project in this process, to test its hooks and settings with real clients: one agent and one push-server on free ports, with a store of
 * their own in a temporary folder. Redis is not used, and the limits that refuse clients on a busy machine are off. Warnings and errors go to
 * standard error.
 *
 * @example
 * const project = await startProject();
 * const socket = io(project.url, { query: { user: 'ann' } });
 * // …
 * await project.close();
 *
 * @throws CommandError for invalid settings, HookError for a hook that cannot be used
 */
export async function startProject(options: StartProjectOptions = {}): Promise<RunningProject> {
  refuseUnknownKeys('startProject', options, optionKeys);
  const { dir = process.cwd(), env = 'local' } = options;
  const project = await loadProject({ dir, env });
  const log = createLogger({ level: 'warn', stream: 'stderr', node: 'test' });
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  try {
    const folder = await mkdtemp(join(tmpdir(), 'gopush-'));
    lifetime.opened('folder of the store', () => rm(folder, { recursive: true, force: true }));
    const config = merge(merge(project.config, settingsOfTests(folder)), options.config ?? {}) as ConfigInput;
    const common = { hooks: { dir, environment: env }, dir, logger: log };
    const pushServer = config.serverWorkers === 0 ? undefined : await startPushServer({ ...common, config });
    if (pushServer !== undefined) lifetime.opened('push-server', pushServer.close);
    // The agent finds the push-server where the settings say that the first one is.
    const found = pushServer === undefined ? {} : { serverPortStart: pushServer.port, serverWorkers: 1 };
    const agent = await startAgent({ ...common, config: { ...config, ...found } });
    lifetime.opened('agent', agent.close);
    return { url: agent.url, push: pushServer?.push, close: lifetime.close };
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

/** Nothing is shared with what runs beside the test, and what it starts ends soon. */
function settingsOfTests(folder: string): ConfigInput {
  return {
    agentPort: 0,
    serverPortStart: 0,
    redisAdapter: null,
    agent: { host: '127.0.0.1', drainMs: 200, notReadyMs: 0, tls: null },
    pushServer: {
      drainMs: 200,
      storeDir: join(folder, 'store'),
      fanoutDir: join(folder, 'mesh'),
      limits: { beginDelayMs: 0 },
    },
    hooks: { watch: false },
    routing: { discover: false },
    limits: { eventLoopDelayMs: 0 },
    admin: null,
  };
}

/** Settings with others that replace them one by one; lists are replaced as a whole. */
function merge(settings: object, others: object): object {
  const merged: Record<string, unknown> = { ...settings };
  for (const [key, value] of Object.entries(others)) {
    const before = merged[key];
    merged[key] = isGroup(before) && isGroup(value) ? merge(before, value) : value;
  }
  return merged;
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
