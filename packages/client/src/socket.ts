import type { Ack } from '@gopush/contract';
import { GopushError, type GopushErrorCode } from './error.ts';

/**
 * What the client uses of a `Socket` of socket.io-client. The arguments are those of any socket: one whose events are declared takes no others.
 */
export interface ClientSocket {
  readonly connected: boolean;
  /** Whether the server recovered the session of the connection before, with its rooms. */
  readonly recovered?: boolean;
  on(event: never, listener: never): unknown;
  off(event: never, listener: never): unknown;
  onAny(listener: never): unknown;
  offAny(listener: never): unknown;
  timeout(ms: number): { emit(event: never, ...args: never): unknown };
}

// biome-ignore lint/suspicious/noExplicitAny: Socket.IO gives listeners whatever was sent
type Listener = (...args: any[]) => void;

/** The same socket with the events of gopush, which programs do not declare. */
export interface OpenSocket extends Pick<ClientSocket, 'connected' | 'recovered'> {
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  onAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  offAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  timeout(ms: number): { emit(event: string, ...args: unknown[]): unknown };
}

/** Sends a request to the server. @returns the response of its ack, or rejects with a {@link GopushError} */
export type Ask = <T>(event: string, payload: unknown) => Promise<T>;

export function createAsk(socket: OpenSocket, timeoutMs: number): Ask {
  return <T>(event: string, payload: unknown) =>
    new Promise<T>((resolve, reject) => {
      socket.timeout(timeoutMs).emit(event, payload, (error: Error | null, response: Ack<T>) => {
        if (error) reject(new GopushError(socket.connected ? 'timeout' : 'disconnected', error.message));
        else if (response.ok) resolve(response);
        else reject(new GopushError(response.error.code as GopushErrorCode, response.error.message));
      });
    });
}
