import type { AddressInfo } from 'node:net';
import { drainHttp, listen } from '@gopush/service';
import { guardRequests } from '../access/guard-requests.ts';
import { lingerMs } from '../http/http-ending.ts';
import type { Dependencies } from './open-dependencies.ts';
import type { Realtime } from './open-realtime.ts';
import type { Servers } from './open-servers.ts';
import type { Settings } from './settings.ts';

/** How long a start waits until hand-offs are possible, in milliseconds. */
const handOffMs = 1_000;

/**
 * Listens: from now on clients come. At a stop, the listener is the first to close.
 *
 * @throws ListenError for a port that cannot be had
 */
export async function openListener(
  settings: Settings,
  { observation, announcement }: Dependencies,
  { http, io, limits, ending, handOffs, closeIo }: Servers,
  { sessions, isBelieved, closeApi }: Realtime,
): Promise<AddressInfo> {
  const { config, index, exclusive, log, lifetime } = settings;
  const { pushServer, serverPortStart } = config;
  guardRequests({ http, io, config, isBelieved, onRefused: (code) => limits.refused(code), log });
  if (handOffs !== undefined) handOffs.onLeaveRequest = (taken) => sessions.parts.migration.leave(taken);
  const port = serverPortStart === 0 ? 0 : serverPortStart + index;
  const address = await listen(
    http,
    { host: pushServer.host, port, exclusive },
    { port: 'serverPortStart', offset: index, host: 'pushServer.host' },
  );
  // Clients that come before agents can hand them over would be copied for as long as they stay.
  if (handOffs !== undefined) await atMost(handOffMs, handOffs.settled());
  lifetime.opened('listener', async () => {
    ending.closeKept();
    const drained = drainHttp(http, pushServer.drainMs, lingerMs);
    await closeApi();
    await sessions.parts.migration.drain(pushServer.drainMs);
    // Not disconnectSockets: clients would take it for our decision, and never reconnect.
    await closeIo();
    await drained;
  });
  lifetime.opened('readiness', async () => {
    observation.stopping();
    handOffs?.stop();
    await Promise.all([announcement.draining(), ending.announce()]);
  });
  await announcement.ready(address, () => io.engine.clientsCount);
  return address;
}

/** Waits for at most `ms` milliseconds. */
async function atMost(ms: number, settled: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([settled, over]);
  clearTimeout(timer);
}
