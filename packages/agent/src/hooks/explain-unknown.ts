import { failed, type Result } from '@gopush/contract';
import type { HookOutcome } from '@gopush/hooks';
import type { KnownSource } from './hook-set.ts';

/**
 * Explains in a failure what is probably wrong with a hook that identifies no client. It returns `undefined` for a
 * visitor without a cookie, but also if
 * `return` was forgotten; a hook that has identified a client has not forgotten it.
 *
 * @param result - the result of calling the hook
 * @param timeoutMs - how long it had, in milliseconds
 */
export function explainUnknown(
  source: KnownSource,
  outcome: HookOutcome<unknown>,
  result: Result<string>,
  timeoutMs: number,
): Result<string> {
  if (result.ok) {
    source.hasKnown = true;
    return result;
  }
  const { code, cause } = result.failure;
  const say = (detail: string): Result<string> => failed(code, `${source.file}: ${detail}`, cause);
  if (outcome.ended === 'timeout') {
    return say(
      source.kind === 'app'
        ? `a middleware neither called next() nor responded within ${timeoutMs} ms`
        : `the promise that it returned did not settle within ${timeoutMs} ms`,
    );
  }
  if (code !== 'uid_missing' || outcome.ended !== 'returned' || outcome.value !== undefined || source.hasKnown) {
    return result;
  }
  return say(
    source.kind === 'app'
      ? 'it called next() without setting res.locals.uid, or it mounts nothing and returned undefined; wanted res.locals.uid = uid, or, in a function of the request, return uid'
      : 'it returned undefined and has never returned a uid; wanted: return uid, or null for an unknown client',
  );
}
