import { type Config, isLoopback } from '@gopush/contract';
import type { Finding } from './finding.ts';

/** Looks whether agents of other machines reach push-servers that are announced to them: those on loopback only get clients of their own machine. */
export function checkReach({ routing, redisAdapter, pushServer, serverWorkers }: Config): Finding[] {
  const { host, announceHost } = pushServer;
  if (!routing.discover || redisAdapter === null || serverWorkers === 0) return [];
  const servers = redisAdapter.sentinels ?? redisAdapter.cluster ?? [redisAdapter];
  if (servers.every((server) => isLoopback(server.host)) || !isLoopback(announceHost ?? host)) return [];
  const detail = `pushServer.${announceHost === undefined ? 'host' : 'announceHost'}: only agents of this machine reach push-servers on ${announceHost ?? host}; with several machines set an address of their network, or pushServer.host to 0.0.0.0`;
  return [{ what: 'config', state: 'warning', detail }];
}
