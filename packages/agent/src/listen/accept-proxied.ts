import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createTrust, plainAddress } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { type ProxiedPeer, parseProxyHeader } from './proxy-protocol.ts';

/** Which connections must begin with a header of the PROXY protocol. */
export interface ProxiedOptions {
  /** Networks of the peers that must send one, in CIDR notation, already checked. */
  readonly networks: readonly string[];
  /** How long the header may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Called with each connection whose header is awaited. */
  readonly onWaiting: (socket: Socket) => void;
  readonly log: Logger;
}

/**
 * Puts the PROXY protocol between a server and the listeners to its connections. They get a connection from a proxy once its header is read, with the
 * client's address as the remote address, and the bytes after the header still unread. A connection without a valid header is cut: its client is
 * unknown, and a response would only reach the proxy.
 *
 * The server itself still accepts connections, so that it counts them, closes, and shares its port as usual.
 *
 * @returns cuts the connections whose header is still awaited
 */
export function acceptProxied(server: Server, { networks, timeoutMs, onWaiting, log }: ProxiedOptions): () => void {
  const isProxy = createTrust(networks);
  const listeners = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  const waiting = new Set<Socket>();
  const peers = new WeakMap<Socket, ProxiedPeer>();

  const handOver = (socket: Socket): void => {
    try {
      for (const listener of listeners) listener.call(server, socket);
    } catch (error) {
      log.error({ err: error }, 'a connection could not be accepted and was closed');
      socket.destroy();
    }
  };

  function awaitHeader(socket: Socket, proxy: string): void {
    let bytes: Buffer = Buffer.alloc(0);
    const done = (): void => {
      clearTimeout(deadline);
      waiting.delete(socket);
      socket.off('readable', onReadable).off('end', onEnd).off('close', onClose).off('error', onError);
    };
    const refuse = (problem: string): void => {
      if (!waiting.has(socket)) return;
      done();
      log.debug({ proxy, problem }, 'connection closed: it did not begin with a PROXY protocol header');
      socket.on('error', onError).destroy();
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const header = parseProxyHeader(bytes);
      if (header.kind === 'partial') return;
      if (header.kind === 'malformed') {
        refuse(header.problem);
        return;
      }
      done();
      if (header.peer !== undefined) {
        peers.set(socket, header.peer);
        showAs(socket, header.peer);
      }
      if (header.length < bytes.length) socket.unshift(bytes.subarray(header.length));
      handOver(socket);
    };
    const onEnd = (): void => refuse('it ended before');
    const onClose = (): void => refuse('it was closed before');
    const onError = (): void => {};
    const deadline = setTimeout(refuse, timeoutMs, `none within ${timeoutMs} ms`);
    waiting.add(socket);
    onWaiting(socket);
    // Not with data events: those would leave the connection flowing, and TLS would lose the bytes after the header.
    socket.on('readable', onReadable).on('end', onEnd).on('close', onClose).on('error', onError);
  }

  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress);
    // Closed already: its address is unknown.
    if (address === '') socket.destroy();
    else if (isProxy(address)) awaitHeader(socket, address);
    else handOver(socket);
  });
  // A TLS socket asks the connection below it only for the real remote address.
  server.prependListener('secureConnection', (socket: TLSSocket & { readonly _parent?: Socket }) => {
    const peer = socket._parent === undefined ? undefined : peers.get(socket._parent);
    if (peer !== undefined) showAs(socket, peer);
  });

  return () => {
    for (const socket of [...waiting]) socket.destroy();
  };
}

/** Makes a socket report this client as its other end. */
function showAs(socket: Socket, { address, port, family }: ProxiedPeer): void {
  Object.defineProperties(socket, {
    remoteAddress: { value: address, configurable: true },
    remotePort: { value: port, configurable: true },
    remoteFamily: { value: family, configurable: true },
  });
}
