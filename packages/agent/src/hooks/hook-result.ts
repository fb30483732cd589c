import { anonymous, type Failure, failed, noUser, parseUid, type Result, success } from '@gopush/contract';
import type { HookOutcome } from '@gopush/hooks';

/** The uid that a hook returned, or why there is none. */
export function uidOf(file: string, outcome: HookOutcome<unknown>): Result<string> {
  if (outcome.ended !== 'returned') return hookFailed('uid', file, outcome);
  if (outcome.value === anonymous) return success(noUser);
  const uid = parseUid(outcome.value);
  if (uid.ok || uid.failure.code !== 'uid_hook_bad_value') return uid;
  return failed('uid_hook_bad_value', `${file}: ${uid.failure.detail}`);
}

/** The failure of a hook that did not return. */
export function hookFailed(
  which: 'uid' | 'router',
  file: string,
  outcome: Exclude<HookOutcome<unknown>, { ended: 'returned' }>,
): { readonly ok: false; readonly failure: Failure } {
  const cause = 'cause' in outcome ? outcome.cause : undefined;
  return { ok: false, failure: { code: `${which}_hook_${outcome.ended}`, detail: file, cause } };
}
