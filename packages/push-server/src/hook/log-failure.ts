import type { Failure } from '@gopush/contract';
import type { Logger } from '@gopush/service';

/** A client that asks for what it may not have is nobody's news; a hook that fails is. */
export function logFailure({ code, detail, cause }: Failure, log: Logger): void {
  const ours = code.startsWith('server_hook_') || code === 'internal';
  const fields = { code, detail, err: cause };
  if (ours) log.error(fields, 'the server hook, or gopush, failed at what a client asked for');
  else log.debug(fields, 'refused what a client asked for');
}
