import { type Logger, type Metrics, waitBuckets } from '@gopush/service';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';
import type { MigrationObserver } from './observe-migrations.ts';
import { round } from './round.ts';

/** Writes the lines and counts of tunnels. */
export interface TunnelObserver {
  tunnelOpened(info: TunnelInfo): void;
  tunnelClosed(tunnel: Tunnel): void;
  /** Totals of tunnels that are closed. */
  readonly carried: Carried;
}

/** What went through tunnels. */
interface Carried {
  opened: number;
  bytesFromClients: number;
  bytesFromTargets: number;
  messagesFromClients: number;
  messagesFromTargets: number;
}

const lifetimeBuckets = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400] as const;

/**
 * @param lines - whether each tunnel gets a line when it closes
 * @param migrations - told of tunnels whose sessions could not migrate
 */
export function observeTunnels(
  metrics: Metrics,
  log: Logger,
  lines: boolean,
  migrations: Pick<MigrationObserver, 'cannotMigrate'>,
): TunnelObserver {
  const carried: Carried = {
    opened: 0,
    bytesFromClients: 0,
    bytesFromTargets: 0,
    messagesFromClients: 0,
    messagesFromTargets: 0,
  };
  const handshakes = metrics.histogram(
    'handshake_duration_seconds',
    'Duration of upgrades, hooks and target included.',
    waitBuckets,
  );
  const lifetimes = metrics.histogram('tunnel_duration_seconds', 'Lifetime of tunnels.', lifetimeBuckets);
  const closed = metrics.counter('tunnels_closed_total', 'Closed tunnels, by cause.', ['cause']);
  return {
    carried,
    tunnelOpened({ startedAt }) {
      carried.opened++;
      handshakes.observe((performance.now() - startedAt) / 1_000);
    },
    tunnelClosed(tunnel) {
      const { info, client, target, before, cause = 'cut', closeCode } = tunnel;
      const seconds = (Date.now() - tunnel.openedAt) / 1_000;
      carried.bytesFromClients += client.bytes;
      carried.bytesFromTargets += target.bytes + before.bytes;
      carried.messagesFromClients += client.messages;
      carried.messagesFromTargets += target.messages + before.messages;
      closed.inc({ cause });
      // A target that sent a close frame counts itself what it could not give.
      if (info.cannotMigrate !== undefined && cause.startsWith('target') && closeCode === undefined) {
        migrations.cannotMigrate(info.cannotMigrate);
      }
      lifetimes.observe(seconds);
      if (lines) log.info(lineOf(tunnel, seconds), 'tunnel');
    },
  };
}

function lineOf(
  { info, client, target, before, migrations, cause = 'cut', closeCode }: Tunnel,
  seconds: number,
): object {
  return {
    id: info.id,
    from: info.address,
    uid: info.uid || undefined,
    product: info.product,
    target: info.member.target.name,
    seconds: round(seconds),
    bytesIn: client.bytes,
    bytesOut: target.bytes + before.bytes,
    messagesIn: client.messages,
    messagesOut: target.messages + before.messages,
    moves: migrations,
    cause,
    closeCode,
  };
}
