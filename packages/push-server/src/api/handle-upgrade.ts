import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { failures, isForApi } from '@gopush/contract';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { listenRoute, type OnApiRequest } from './handle-api.ts';
import type { ListenerServer } from './listen/listener-server.ts';
import { splitUrl } from './request/split-url.ts';

/** What handling upgrades needs. */
export interface UpgradeOptions {
  /** `undefined`: there is no API. */
  readonly listeners: Pick<ListenerServer, 'upgrade'> | undefined;
  /** The path of Socket.IO, which handles the upgrades below it. */
  readonly enginePath: string;
  readonly onRequest: OnApiRequest;
}

/** How long an upgrade without a response stays open, in milliseconds, as with Socket.IO: handlers of the program may be slow. */
const unansweredMs = 1_000;

/** Handles upgrades that are not Socket.IO's: those for `/listen` of the API. Others that no handler of the program responds to are refused. */
export function createUpgradeHandler(
  options: UpgradeOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const { listeners, enginePath, onRequest } = options;
  return (request, socket, head) => {
    if (request.url?.startsWith(`${enginePath}/`)) return;
    if (listeners === undefined || !isForApi(request.url)) {
      refuseUnanswered(socket);
      return;
    }
    if (splitUrl(request.url).path !== '/listen') {
      refuseUpgrade(socket, { code: 'not_found' });
      onRequest('none', failures.not_found.upgrade, 0);
      return;
    }
    const startedAt = performance.now();
    void listeners.upgrade(request, socket, head).then((status) => {
      onRequest(listenRoute, status, (performance.now() - startedAt) / 1_000);
    });
  };
}

function refuseUnanswered(socket: Duplex): void {
  const unanswered = setTimeout(() => {
    if ('bytesWritten' in socket && socket.bytesWritten === 0) refuseUpgrade(socket, { code: 'not_found' });
  }, unansweredMs).unref();
  socket.once('close', () => clearTimeout(unanswered));
}
