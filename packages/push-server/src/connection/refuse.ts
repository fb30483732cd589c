import { type Ack, type Failure, failureBody } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { logFailure } from '../hook/log-failure.ts';

/** What Socket.IO gives for answering an event, where the client wants an answer. */
export type AckFunction = (value: unknown) => void;

/** The ack among the arguments of an event: it is the last. */
export function ackOf(args: readonly unknown[]): AckFunction | undefined {
  const last = args.at(-1);
  return typeof last === 'function' ? (last as AckFunction) : undefined;
}

/** Tells a client, where it wants to know, that what it asked for is not done. What our side got wrong is said in the log. */
export function refuse(ack: AckFunction | undefined, { code, detail, cause }: Failure, log: Logger): void {
  logFailure({ code, ...(detail === undefined ? {} : { detail }), cause }, log);
  ack?.({ ok: false, ...failureBody(code) } satisfies Ack);
}
