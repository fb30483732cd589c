import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';

/** How long fetching a JWK Set may take, in milliseconds: well within the time of one call of a hook. */
const timeoutMs = 3_000;
/** After how long it is fetched again. */
const maxAgeMs = 600_000;
/** For how long it is used at most while its server cannot be reached. */
const maxStaleMs = 86_400_000;
/** Least time before it is fetched again for an unknown key, in milliseconds: any client can name unknown keys. */
const cooldownMs = 30_000;
/** How soon it is fetched again if it could not be had. */
const retryMs = 5_000;

/**
 * Finds keys in a JWK Set that is fetched on demand. While its server is down, the last keys stay in use for a day, so
 * that users can come in.
 */
export function createRemoteKeys(url: URL): JWTVerifyGetKey {
  // When to fetch is decided here: jose would have no keys at all once they are old, and ask for each token while the server is down.
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: timeoutMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
  });
  let takenAt = Number.NEGATIVE_INFINITY;
  let nextAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  /** Fetches the set, unless that was done just now. Does not report failures: only the known keys count. */
  async function refresh(): Promise<void> {
    if (performance.now() < nextAt) return fetching;
    nextAt = performance.now() + cooldownMs;
    fetching = remote.reload().then(
      () => {
        takenAt = performance.now();
      },
      () => {
        nextAt = performance.now() + retryMs;
      },
    );
    await fetching;
  }
  return async (header, token) => {
    if (performance.now() - takenAt >= maxAgeMs) await refresh();
    if (performance.now() - takenAt >= maxStaleMs) throw new errors.JWKSTimeout('the keys cannot be fetched');
    try {
      return await remote(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return remote(header, token);
    }
  };
}
