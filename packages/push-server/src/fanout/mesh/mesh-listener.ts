import { createServer, type Server, type Socket } from 'node:net';
import { type Logger, listen } from '@gopush/service';
import { isThere, openFolder, socketPath } from './mesh-folder.ts';

/** Options of the listening socket of a node. */
export interface MeshListenerOptions {
  readonly folder: string;
  /** Name of this node. */
  readonly node: string;
  /** Between two looks at whether the socket is still in the folder, in milliseconds. */
  readonly lookMs: number;
  readonly onConnection: (socket: Socket) => void;
  /** The socket was gone and was created again: nodes that started meanwhile have met no other node. */
  readonly onRemade: () => Promise<void>;
  readonly log: Logger;
}

/** The Unix socket in the folder on which other nodes meet this one. */
export class MeshListener {
  readonly #options: MeshListenerOptions;
  readonly #server: Server;
  readonly #path: string;
  #looks: NodeJS.Timeout | undefined;
  #remaking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: MeshListenerOptions) {
    this.#options = options;
    this.#path = socketPath(options.folder, options.node);
    this.#server = createServer(options.onConnection);
  }

  async open(): Promise<void> {
    await this.#listen();
    this.#looks = setInterval(() => this.#look(), this.#options.lookMs).unref();
  }

  /** Looks no more at the folder. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#looks);
    await this.#remaking;
  }

  /** Resolves when all connections have ended. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #listen(): Promise<unknown> {
    // Not shared in a cluster: the primary would hold the socket, and accept connections for a worker that is dead.
    return listen(this.#server, { path: this.#path, exclusive: true });
  }

  #look(): void {
    const { folder, log } = this.#options;
    this.#remaking ??= this.#remake()
      .catch((error: unknown) => {
        log.warn(
          { err: error, folder },
          'push-servers that start now cannot be found: the folder of their sockets cannot be used',
        );
      })
      .finally(() => {
        this.#remaking = undefined;
      });
  }

  /** Creates the socket again if it is gone, for example after temporary files were cleaned up: nodes that start later could not meet this one. */
  async #remake(): Promise<void> {
    const { folder, onRemade, log } = this.#options;
    if (this.#isStopped || (await isThere(this.#path))) return;
    await openFolder(folder);
    // Connections stay. A later close of the old socket would remove the new one, which has its name.
    if (this.#server.listening) this.#server.close();
    await this.#listen();
    log.warn({ path: this.#path }, 'the socket of this push-server was deleted and is created again');
    await onRemade();
  }
}
