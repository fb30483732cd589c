import type { ServerResponse } from 'node:http';
import { failed, type Result } from '@gopush/contract';
import { type Awaitable, andThen, callHook, type HookOutcome } from '@gopush/hooks';
import { giveBack } from '../hooks/app-messages.ts';
import { explainUnknown } from '../hooks/explain-unknown.ts';
import type { AppOutcome } from '../hooks/hook-app.ts';
import { uidOf } from '../hooks/hook-result.ts';
import type { KnownSource } from '../hooks/hook-set.ts';
import type { Exchange } from '../route/exchange.ts';

/**
 * Asks the agent hook who the client of an HTTP request is.
 *
 * @returns the uid; `'responded'`: an app hook has responded, or is about to
 */
export function identifyRequest(
  { request, hooks: { http: source } }: Exchange,
  response: ServerResponse,
  timeoutMs: number,
): Awaitable<Result<string> | 'responded'> {
  if (source.kind === 'none') return failed('uid_missing', 'there is no agent hook');
  if (source.kind === 'function') {
    return andThen(
      callHook(() => source.hook(request), timeoutMs),
      (outcome) => explainUnknown(source, outcome, uidOf(source.file, outcome), timeoutMs),
    );
  }
  return andThen(
    callHook(() => source.app(request, response), timeoutMs),
    (outcome) => uidOfApp(source, outcome, response, timeoutMs),
  );
}

/** The uid that an app hook has found. */
function uidOfApp(
  source: KnownSource,
  outcome: HookOutcome<AppOutcome>,
  response: ServerResponse,
  timeoutMs: number,
): Result<string> | 'responded' {
  if (outcome.ended !== 'returned') {
    // A response that a middleware has begun may take any time.
    if (outcome.ended === 'timeout' && response.headersSent) return 'responded';
    giveBack(response);
    return explainUnknown(source, outcome, uidOf(source.file, outcome), timeoutMs);
  }
  const { value } = outcome;
  if (value.kind === 'responded') return 'responded';
  if (value.kind === 'threw') return uidOf(source.file, { ended: 'threw', cause: value.cause });
  if (response.writableEnded) return 'responded';
  // Such a response cannot be completed: the hook has passed it on, and the status of a target would come too late.
  if (response.headersSent) {
    return failed('uid_hook_bad_value', `${source.file}: it wrote part of a response and called next()`);
  }
  const passed = { ended: 'returned', value: value.uid } as const;
  return explainUnknown(source, passed, uidOf(source.file, passed), timeoutMs);
}
