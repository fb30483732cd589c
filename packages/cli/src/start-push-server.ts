import type { PushServer, PushServerOptions } from '@gopush/push-server';

/**
 * Starts a push-server. Its code is loaded now: hook files import `gopush` as well, in processes that need none of it.
 *
 * @throws HookError for a hook that cannot be used, ListenError for a port that cannot be had, TypeError for a wrong setting
 */
export async function startPushServer(options?: PushServerOptions): Promise<PushServer> {
  const pushServer = await import('@gopush/push-server');
  return pushServer.startPushServer(options);
}
