import type { Ack } from '@gopush/contract';
import { GopushError, type GopushErrorCode } from './error.ts';

// biome-ignore lint/suspicious/noExplicitAny: Socket.IO gives listeners whatever was sent
type Listener = (...args: any[]) => void;

/** What the client uses of a `Socket` of socket.io-client. */
export interface ClientSocket {
  readonly connected: boolean;
  /** Whether the server went on with the session there was before, rooms and all. */
  readonly recovered?: boolean;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  onAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  offAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  timeout(ms: number): { emit(event: string, ...args: unknown[]): unknown };
}

/** Asks the server. @returns what its ack says, or rejects with a {@link GopushError} */
export type Ask = <T>(event: string, payload: unknown) => Promise<T>;

export function createAsk(socket: ClientSocket, timeoutMs: number): Ask {
  return <T>(event: string, payload: unknown) =>
    new Promise<T>((resolve, reject) => {
      socket.timeout(timeoutMs).emit(event, payload, (error: Error | null, answer: Ack<T>) => {
        if (error) reject(new GopushError(socket.connected ? 'timeout' : 'disconnected', error.message));
        else if (answer.ok) resolve(answer);
        else reject(new GopushError(answer.error.code as GopushErrorCode, answer.error.message));
      });
    });
}
