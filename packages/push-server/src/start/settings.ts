import {
  type Config,
  type ConfigInput,
  createConfig,
  type KeysOf,
  refuseUnknownKeys,
  settleLocalPages,
} from '@gopush/contract';
import type { HookLocation } from '@gopush/hooks';
import { checkLogger, createLifetime, defaultLogger, type Lifetime, type Logger, nodeName } from '@gopush/service';
import type { ServerHook } from '../hook/server-hook.ts';

/** Options of a push-server. */
export interface PushServerOptions {
  /** Settings, as in a config file. @defaultValue all defaults */
  readonly config?: ConfigInput;
  /** The server hook itself, or where its file is. @defaultValue none: all clients may join all rooms, and publish to those that they are in */
  readonly hooks?: ServerHook | HookLocation;
  /**
   * Index of this push-server on this machine. Its port is `serverPortStart` plus the index; the port of its admin listener is `admin.serverPort`
   * plus the index.
   * @defaultValue 0
   */
  readonly index?: number;
  /** Folder of the project. @defaultValue the current one */
  readonly dir?: string;
  /**
   * Name of this push-server, in logs and to its peers. Clients get the name too; if it ends with `push-server-<index>`, they get only that part.
   * @defaultValue `<processes.machine, or the host name>-push-server-<index>`
   */
  readonly node?: string;
  /** Adds the program's own handlers, besides those of the server hook. The function that it returns is called at the end, to undo it. */
  readonly setup?: NonNullable<ServerHook['setup']>;
  /** @defaultValue writes warnings and errors to standard error; `config.log` says otherwise */
  readonly logger?: Logger;
  /** Whether the port must not be shared with other workers of a cluster. @defaultValue false */
  readonly exclusive?: boolean;
}

const optionKeys: KeysOf<PushServerOptions> = {
  config: true,
  hooks: true,
  index: true,
  dir: true,
  node: true,
  setup: true,
  logger: true,
  exclusive: true,
};

/** What a push-server is started with, checked and with all defaults. */
export interface Settings {
  readonly config: Config;
  /** Folder of the project. */
  readonly dir: string;
  /** Number of this push-server among those of its machine. */
  readonly index: number;
  /** Name of this push-server. */
  readonly node: string;
  readonly hooks: ServerHook | HookLocation;
  readonly setup: PushServerOptions['setup'];
  readonly exclusive: boolean;
  readonly log: Logger;
  /** What has been opened, closed in reverse order. */
  readonly lifetime: Lifetime;
}

/**
 * Checks the options of a push-server and fills in the defaults.
 *
 * @throws TypeError for a wrong one
 */
export function settle(options: PushServerOptions): Settings {
  refuseUnknownKeys('startPushServer', options, optionKeys);
  const { index = 0, dir = process.cwd(), exclusive = false, hooks = {}, setup } = options;
  const config = settleLocalPages(createConfig(options.config), options.hooks);
  const node = options.node ?? nodeName('push-server', index, config.processes.machine);
  const log = checkLogger('startPushServer', options.logger ?? defaultLogger(node, options.config?.log));
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  return { config, dir, index, node, hooks, setup, exclusive, log, lifetime };
}
