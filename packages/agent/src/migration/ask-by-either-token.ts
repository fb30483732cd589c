import type { TakeOutcome } from './target-search.ts';

/** A session that a target is asked to take. */
interface AskedSession {
  /** Its name at the next target. */
  readonly token: string;
  /** From now on it is named by the token before, if it has one. @returns whether it has */
  goBackToTokenBefore(): boolean;
}

/**
 * Asks a target to take a session; once more under the token before if the first one is unknown, as the session may not have been stored under it
 * yet ({@link keepsTokenBefore}).
 */
export async function askByEitherToken<Taken, Cause extends string>(
  session: AskedSession,
  ask: () => Promise<TakeOutcome<Taken, Cause | 'unknown'>>,
): Promise<TakeOutcome<Taken, Cause | 'unknown'>> {
  const { token } = session;
  const outcome = await ask();
  if (typeof outcome === 'string' || !('noTarget' in outcome) || outcome.noTarget !== 'unknown') return outcome;
  // An attempt at another target may have gone back meanwhile.
  const hasOther = session.token !== token || session.goBackToTokenBefore();
  return hasOther ? ask() : outcome;
}
