import type { Logger } from '@gopush/service';
import type { Fanout } from '../bus/fanout.ts';
import { Mesh } from './mesh.ts';
import { MeshAdapters } from './mesh-adapter.ts';
import { MeshBus } from './mesh-bus.ts';

/**
 * Joins the push-servers of one machine without a server.
 *
 * @param folder - where they meet: see `meshFolder`
 */
export async function startEmbeddedFanout(folder: string, log: Logger): Promise<Fanout> {
  const mesh = new Mesh({
    folder,
    events: {
      onMessage(payload) {
        try {
          if (!bus.receive(payload)) adapters.receive(payload);
        } catch (error) {
          log.error(
            { err: error },
            'a message from another push-server cannot be decoded; does it run another version?',
          );
        }
      },
      onGap: () => bus.gap(),
      onPeer: (peer) => adapters.greet(peer),
      onPeerGone: (peer) => adapters.forget(peer),
    },
    log,
  });
  const bus = new MeshBus(mesh);
  const adapters = new MeshAdapters(mesh);
  await mesh.open();
  return {
    kind: 'embedded',
    adapter: adapters.factory,
    bus,
    drops: mesh.drops,
    problem: () => undefined,
    isJoined: () => mesh.isJoined,
    onMove() {},
    counts: () => undefined,
    meet: () => async () => {},
    joined: () => mesh.join(),
    close: () => mesh.close(),
  };
}
