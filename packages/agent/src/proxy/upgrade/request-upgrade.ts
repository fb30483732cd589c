import type { Socket } from 'node:net';
import { failed, type Result, success, type Target } from '@gopush/contract';
import { afterReading } from '@gopush/service';
import { acceptOf } from '../../request/handshake.ts';
import { carryTo, connectCarrying, type Receiver, readRest, reset } from '../../target/carrier.ts';
import { connectFailure, refusalOfTarget } from '../../target/connect-failure.ts';
import { readyEvent } from '../../target/connect-target.ts';
import { HeadReader } from '../../wire/head-reader.ts';
import { type BodyFraming, framingOf, headerOf, type ResponseHead } from '../../wire/response-head.ts';

/** What a target made of an upgrade request. */
export interface UpgradeResponse {
  readonly socket: Socket;
  readonly head: ResponseHead;
  /** What came after the head already. */
  readonly early: Buffer;
  /** How long the body is of an answer that is no upgrade; `undefined` for an upgrade. */
  readonly body: BodyFraming | undefined;
}

/** What asking a target to upgrade needs. */
export interface UpgradeOptions {
  readonly target: Target;
  /** The request as it goes to the target. */
  readonly request: string;
  /** The client's `Sec-WebSocket-Key`, which the target must have seen. */
  readonly key: string;
  /** Longest time to connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Longest time until the target answers, connecting included, in milliseconds. */
  readonly timeoutMs: number;
  /** The client: when it goes away there is nothing left to ask for. */
  readonly client: Socket;
  /** Says that the answer is not wanted any more, since another target has given it. */
  readonly abandoned?: AbortSignal;
}

/**
 * Asks a target to upgrade. Anything but a correct 101 is given back to be relayed as the plain answer it is. The socket comes back
 * paused.
 */
export function requestUpgrade(options: UpgradeOptions): Promise<Result<UpgradeResponse>> {
  const { target, request, key, client } = options;
  // Its closing would not be heard of again.
  if (client.destroyed) return Promise.resolve(failed('client_gone', target.name));
  return new Promise((resolve) => {
    const socket = connectCarrying(target);
    const ready = readyEvent(socket);
    const heads = new HeadReader();
    let heard = false;
    /** What it is called when the connection goes: before there was one, or after. */
    let lost: 'target_unreachable' | 'target_reset' = 'target_unreachable';
    let settled = false;
    const settle = (result: Result<UpgradeResponse>): void => {
      settled = true;
      clearTimeout(deadline);
      // Nothing of this question may stay with the socket, which lives as long as its tunnel.
      socket.off('close', onClose).off('end', onClose).off(ready, onConnect).off('error', onError);
      socket.on('error', ignore);
      client.off('close', onClientGone);
      options.abandoned?.removeEventListener('abort', onAbandoned);
      if (!result.ok) abandon(socket, options.abandoned !== undefined);
      resolve(result);
    };
    const onClose = (): void => {
      settle(failed(heard ? 'target_bad_answer' : lost, `${target.name} closed the connection`));
    };
    const onError = (error: Error): void => {
      const isLost = lost === 'target_reset';
      if (!isLost) settle(connectFailure(target, error));
      else settle(refusalOfTarget(target, error) ?? failed(lost, `${target.name}: ${error.message}`, error));
    };
    const onAbandoned = (): void => settle(failed('target_silent', `${target.name}: another connection was faster`));
    const onClientGone = (): void => settle(failed('client_gone', target.name));
    const onConnect = (): void => {
      lost = 'target_reset';
      clearTimeout(deadline);
      deadline = setTimeout(() => afterReading(tooLate), options.timeoutMs);
    };
    const tooLate = (): void => {
      if (!settled) settle(failed('target_silent', target.name));
    };
    const notConnected = (): void => {
      if (settled || lost === 'target_reset') return;
      settle(failed('target_unreachable', `${target.name}: not connected within ${options.connectTimeoutMs} ms`));
    };
    let deadline = setTimeout(() => afterReading(notConnected), options.connectTimeoutMs);

    socket.on('error', onError).on(ready, onConnect).on('close', onClose).on('end', onClose);
    client.on('close', onClientGone);
    options.abandoned?.addEventListener('abort', onAbandoned);
    const receiver: Receiver = {
      onFault: (error) => settle(failed('internal', `while waiting for ${target.name}`, error)),
      onChunk(chunk, length) {
        heard = true;
        let head = heads.read(chunk.subarray(0, length));
        // 100 and 103 come before the answer proper.
        while (typeof head === 'object' && head.status < 200 && head.status !== 101) head = heads.read(heads.rest);
        if (head === undefined) return true;
        if (typeof head === 'string') settle(failed('target_bad_answer', `${target.name}: ${head}`));
        else settle(readAnswer(socket, head, Buffer.from(heads.rest), key, target));
        return false;
      },
    };
    carryTo(socket, receiver);
    // One that has not read the request may have answered before it closed.
    socket.write(request, 'latin1', (error) => {
      if (error && !settled) readRest(socket, receiver);
    });
  });
}

/**
 * Where a session moves, with a reset, so that a target that hangs never reads what it was asked. One that is not connected would only be reset
 * when it is. Elsewhere without: a client that leaves could end a server whose handlers of upgrades do not listen to errors.
 */
function abandon(socket: Socket, moves: boolean): void {
  if (moves && !socket.connecting) reset(socket);
  else socket.destroy();
}

/** Until a tunnel listens, or for good where nothing comes of the answer. */
function ignore(): void {}

function readAnswer(
  socket: Socket,
  head: ResponseHead,
  early: Buffer,
  key: string,
  target: Target,
): Result<UpgradeResponse> {
  if (head.status === 101) {
    const upgrade = headerOf(head, 'upgrade')?.toLowerCase();
    if (upgrade === 'websocket' && headerOf(head, 'sec-websocket-accept') === acceptOf(key)) {
      return success({ socket, head, early, body: undefined });
    }
    return failed('target_bad_answer', `${target.name} responded 101 without a matching sec-websocket-accept`);
  }
  const body = framingOf(head, 'GET');
  return typeof body === 'string'
    ? failed('target_bad_answer', `${target.name}: ${body}`)
    : success({ socket, head, early, body });
}
