import { type Ack, type Failure, failureBody } from '@gopush/contract';
import type { Logger } from '@gopush/service';

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

/** A client that asks for what it may not have is nobody's news; a hook that fails is. */
export function logFailure({ code, detail, cause }: Failure, log: Logger): void {
  const ours = code.startsWith('server_hook_') || code === 'internal';
  const fields = { code, detail, err: cause };
  if (ours) log.error(fields, 'the server hook, or gopush, failed at what a client asked for');
  else log.debug(fields, 'refused what a client asked for');
}
