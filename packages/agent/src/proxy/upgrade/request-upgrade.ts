import type { Socket } from 'node:net';
import { failed, type Result, success, type Target } from '@gopush/contract';
import type { OfferSignal } from '@gopush/hand-off';
import { afterReading } from '@gopush/service';
import { acceptOf } from '../../request/handshake.ts';
import { connectFailure, refusalOfTarget } from '../../target/connect-failure.ts';
import { readyEvent } from '../../target/connect-target.ts';
import { carryTo, connectCarrying, type Receiver, readRest, reset } from '../../target/shared-buffer-io.ts';
import { HeadReader } from '../../wire/head-reader.ts';
import { type BodyFraming, framingOf, headerOf, type ResponseHead } from '../../wire/response-head.ts';

/** The response of a target to an upgrade request. */
export interface UpgradeResponse {
  readonly socket: Socket;
  readonly head: ResponseHead;
  /** Bytes that arrived after the head already. */
  readonly early: Buffer;
  /** The framing of the body of a response that is no upgrade; `undefined`: it is an upgrade. */
  readonly body: BodyFraming | undefined;
}

/** What requesting an upgrade needs. */
export interface UpgradeOptions {
  readonly target: Target;
  /** The request as the target gets it. */
  readonly request: string;
  /** The client's `Sec-WebSocket-Key`, which the response must match. */
  readonly key: string;
  /** Longest time to connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Longest time until the target responds, connecting included, in milliseconds. */
  readonly timeoutMs: number;
  /** The client: when it goes away the request is abandoned. */
  readonly client: Socket;
  /** Aborts when another target has responded first. */
  readonly abandoned?: Pick<OfferSignal, 'addEventListener' | 'removeEventListener'>;
}

/** Requests an upgrade from a target. Any response but a correct 101 is returned to be relayed. The socket is returned paused. */
export function requestUpgrade(options: UpgradeOptions): Promise<Result<UpgradeResponse>> {
  const { target, request, client } = options;
  // Its close event is over.
  if (client.destroyed) return Promise.resolve(failed('client_gone', target.name));
  return new Promise((resolve) => {
    const socket = connectCarrying(target);
    const ready = readyEvent(socket);
    const heads = new HeadReader();
    let heard = false;
    /** The failure when the connection closes: before it was established, or after. */
    let lost: 'target_unreachable' | 'target_reset' = 'target_unreachable';
    let settled = false;
    const settle = (result: Result<UpgradeResponse>): void => {
      settled = true;
      clearTimeout(deadline);
      // No listener of this request may stay with the socket, which lives as long as its tunnel.
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
        // 100 and 103 come before the final response.
        while (typeof head === 'object' && head.status < 200 && head.status !== 101) head = heads.read(heads.rest);
        if (head === undefined) return true;
        if (typeof head === 'string') settle(failed('target_bad_answer', `${target.name}: ${head}`));
        else settle(readResponse({ socket, head, early: Buffer.from(heads.rest) }, options));
        return false;
      },
    };
    carryTo(socket, receiver);
    // A target that has not read the request may have responded before it closed.
    socket.write(request, 'latin1', (error) => {
      if (error && !settled) readRest(socket, receiver);
    });
  });
}

/**
 * Closes the connection to a target. While a session migrates, with a reset, so that a target that hangs never reads
 * the request; a socket that is still connecting would only be reset once it is connected. Otherwise without a reset: a
 * client that leaves could end a server whose upgrade handlers do not listen to errors.
 */
function abandon(socket: Socket, moves: boolean): void {
  if (moves && !socket.connecting) reset(socket);
  else socket.destroy();
}

/** Until a tunnel listens, or for good if there will be none. */
function ignore(): void {}

function readResponse(
  arrived: Omit<UpgradeResponse, 'body'>,
  { key, target }: UpgradeOptions,
): Result<UpgradeResponse> {
  const body = checkResponse(arrived.head, key, target);
  return body.ok ? success({ ...arrived, body: body.value }) : body;
}

/**
 * Checks the response to an upgrade request.
 *
 * @param key - the client's `Sec-WebSocket-Key`, which the response must match
 * @returns the framing of its body; `undefined`: it is an upgrade
 */
export function checkResponse(head: ResponseHead, key: string, target: Target): Result<BodyFraming | undefined> {
  if (head.status === 101) {
    const upgrade = headerOf(head, 'upgrade')?.toLowerCase();
    if (upgrade === 'websocket' && headerOf(head, 'sec-websocket-accept') === acceptOf(key)) return success(undefined);
    return failed('target_bad_answer', `${target.name} responded 101 without a matching sec-websocket-accept`);
  }
  const body = framingOf(head, 'GET');
  return typeof body === 'string' ? failed('target_bad_answer', `${target.name}: ${body}`) : success(body);
}
