import type { Failure } from '@gopush/contract';
import type { Logger } from '@gopush/service';

/** Logs a failure: as an error if the server hook or gopush itself failed; for debugging if a client was refused. */
export function logFailure({ code, detail, cause }: Failure, log: Logger): void {
  const ours = code.startsWith('server_hook_') || code === 'internal';
  const fields = { code, detail, err: cause };
  if (ours) log.error(fields, 'the server hook, or gopush, failed at what a client asked for');
  else log.debug(fields, 'refused what a client asked for');
}
