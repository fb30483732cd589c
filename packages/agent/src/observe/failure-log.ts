import { type Failure, failures } from '@gopush/contract';
import { createLimitedWarning, type Logger } from '@gopush/service';

/** Writes failures to the log: faults of the service as errors and warnings, faults of the request as debug lines. */
export function createFailureLog(log: Logger): (failure: Failure, fields: object) => void {
  const warnOfPage = createLimitedWarning(log);
  const warnOfHook = createLimitedWarning(log);
  return ({ code, detail, cause }, fields) => {
    const all = {
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(cause === undefined ? {} : { err: cause }),
      ...fields,
    };
    const { message } = failures[code];
    if (code === 'internal' || code.includes('_hook_')) log.error(all, message);
    else if (code.startsWith('target_')) log.warn(all, message);
    // Mostly a missing setting.
    else if (code === 'origin_refused') warnOfPage(all, message);
    // A hook that is missing, or has not identified any client yet.
    else if (code === 'uid_missing' && detail !== undefined) warnOfHook(all, message);
    else log.debug(all, message);
  };
}
