import { urlOf } from '@gopush/service';
import type { Server } from 'socket.io';
import { countHandedOver, type HandedOverCounts } from './observe/server-view.ts';
import type { Push } from './rooms/publish/push.ts';
import { observe } from './start/observe.ts';
import { openDependencies } from './start/open-dependencies.ts';
import { openListener } from './start/open-listener.ts';
import { openRealtime } from './start/open-realtime.ts';
import { openServers } from './start/open-servers.ts';
import { runProgram } from './start/run-program.ts';
import { type PushServerOptions, settle } from './start/settings.ts';

/** A running push-server. */
export interface PushServer {
  /** Its URL on this machine. */
  readonly url: string;
  readonly port: number;
  /** The URL of its admin listener; `undefined` if it has none. */
  readonly adminUrl: string | undefined;
  /** The number of connections that agents have handed over, by the number of processes that own them. 0 without `handOff.enabled`. */
  readonly handedOver: HandedOverCounts;
  /** The Socket.IO server. */
  readonly io: Server;
  /** Publishes to rooms and users on all push-servers. */
  readonly push: Push;
  /** Stops gracefully: takes no new connections, ends the requests that it serves, and closes the clients so that they reconnect elsewhere. */
  close(): Promise<void>;
}

/**
 * Starts a push-server.
 *
 * @throws HookError for a hook that cannot be used, ListenError for a port that is not available, TypeError for a wrong setting
 */
export async function startPushServer(options: PushServerOptions = {}): Promise<PushServer> {
  const settings = settle(options);
  const { lifetime, log } = settings;
  try {
    const dependencies = await openDependencies(settings);
    const servers = await openServers(settings, dependencies);
    const realtime = openRealtime(settings, dependencies, servers);
    await runProgram(settings, dependencies, servers, realtime);
    await dependencies.fanout.joined();
    observe(settings, dependencies, servers, realtime);
    const address = await openListener(settings, dependencies, servers, realtime);
    const url = urlOf(address);
    const { adminUrl } = dependencies.observation;
    log.info({ url, admin: adminUrl, fanout: dependencies.fanout.kind }, 'push-server listening');
    return {
      url,
      port: address.port,
      adminUrl,
      get handedOver() {
        return countHandedOver(servers);
      },
      io: servers.io,
      push: realtime.rooms.push,
      close: lifetime.close,
    };
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}
