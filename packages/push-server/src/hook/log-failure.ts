import type { Failure } from '@gopush/contract';
import type { Logger } from '@gopush/service';

/** Logs a failure: as an error if the server hook or gopush itself failed; for debugging if a client was refused. */
export function logFailure({ code, detail, cause }: Failure, log: Logger): void {
  const ours = code.startsWith('server_hook_') || code === 'internal';
  const fields = { code, detail, err: cause };
  if (ours) log.error(fields, 'a request of a client failed in the server hook or in gopush');
  else log.debug(fields, 'a request of a client was refused');
}
