import type { PushServer, PushServerOptions } from '@gopush/push-server';
import { followLinks } from '@gopush/service';

/**
 * Starts a push-server. Its code is loaded by this call, not by the import, because hook files also import `gopush` in processes that do not need
 * that code.
 *
 * @throws HookError for a hook that cannot be used, ListenError for a port that is not available, TypeError for a wrong setting
 */
export async function startPushServer(options?: PushServerOptions): Promise<PushServer> {
  followLinks();
  const pushServer = await import('@gopush/push-server');
  return pushServer.startPushServer(options);
}
