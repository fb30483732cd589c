import { openAdminUi } from '../admin-ui/open-admin-ui.ts';
import { clientOf } from '../connection/server-client.ts';
import type { Dependencies } from './open-dependencies.ts';
import type { Realtime } from './open-realtime.ts';
import type { Servers } from './open-servers.ts';
import type { Settings } from './settings.ts';

/**
 * Lets the program add its handlers to Socket.IO: `setup` of the server hook, then `setup` of the options. Socket.IO's admin page, if it is
 * wanted, is opened before them.
 *
 * @throws HookError if `setup` of the hook fails
 * @throws TypeError if the program uses the namespace of the admin page
 */
export async function runProgram(
  { config, node, setup, lifetime }: Settings,
  { hook }: Dependencies,
  { io }: Servers,
  { rooms: { push }, addressOf }: Realtime,
): Promise<void> {
  const { adminUi } = config.pushServer;
  const checkAdminUi = adminUi && (await openAdminUi({ io, adminUi, node, addressOf }, lifetime.opened));
  await hook.start({ io, push, clientOf });
  const cleanUp = await setup?.(io, push, clientOf);
  if (typeof cleanUp === 'function') lifetime.opened('handlers of the program', cleanUp);
  checkAdminUi?.();
}
