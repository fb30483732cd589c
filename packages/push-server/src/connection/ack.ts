import { type Ack, type Failure, failureBody } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { logFailure } from '../hook/log-failure.ts';

/** The acknowledgement function of an event, with which Socket.IO sends the client a response. */
export type AckFunction = (value: unknown) => void;

/** The ack among the arguments of an event: the last one. `undefined`: the client wants none. */
export function ackOf(args: readonly unknown[]): AckFunction | undefined {
  const last = args.at(-1);
  return typeof last === 'function' ? (last as AckFunction) : undefined;
}

/** Refuses an event: the client's ack, if it has one, gets the failure. Logs failures of the server hook and of gopush itself. */
export function refuse(ack: AckFunction | undefined, { code, detail, cause }: Failure, log: Logger): void {
  logFailure({ code, ...(detail === undefined ? {} : { detail }), cause }, log);
  ack?.({ ok: false, ...failureBody(code) } satisfies Ack);
}
