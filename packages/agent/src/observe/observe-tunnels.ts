import { type Logger, type Metrics, waitBuckets } from '@gopush/service';
import type { TunnelEnd } from '../tunnel/tunnel-end.ts';
import type { MigrationObserver } from './observe-migrations.ts';
import { round } from './round.ts';

/** Writes the lines and counts of tunnels. */
export interface TunnelObserver {
  /** @param startedAt - when its request arrived, in time of `performance.now()` */
  tunnelOpened(startedAt: number): void;
  tunnelClosed(end: TunnelEnd): void;
  /** Totals of tunnels that are closed. */
  readonly carried: Carried;
}

/** Totals of what was carried by tunnels. */
interface Carried {
  opened: number;
  bytesFromClients: number;
  bytesFromTargets: number;
  messagesFromClients: number;
  messagesFromTargets: number;
  /** Those of them whose connections were handed over. They are known at the end only, when they were carried long ago. */
  handedFromClients: number;
  handedFromTargets: number;
}

const lifetimeBuckets = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400] as const;

/**
 * @param lines - whether each tunnel gets a line when it closes
 * @param migrations - counts tunnels whose sessions could not migrate
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
    handedFromClients: 0,
    handedFromTargets: 0,
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
    tunnelOpened(startedAt) {
      carried.opened++;
      handshakes.observe((performance.now() - startedAt) / 1_000);
    },
    tunnelClosed(end) {
      const { info, cause, closeCode } = end;
      const seconds = (performance.now() - end.openedAt) / 1_000;
      carried.bytesFromClients += end.bytesFromClient;
      carried.bytesFromTargets += end.bytesFromTarget;
      const { messagesFromClient = 0, messagesFromTarget = 0 } = end;
      carried.messagesFromClients += messagesFromClient;
      carried.messagesFromTargets += messagesFromTarget;
      if (end.handedOff) {
        carried.handedFromClients += messagesFromClient;
        carried.handedFromTargets += messagesFromTarget;
      } else info.member.messages += messagesFromClient + messagesFromTarget;
      closed.inc({ cause });
      // A target that sent a close frame has itself counted the session as one that it could not give.
      if (info.cannotMigrate !== undefined && cause.startsWith('target') && closeCode === undefined) {
        migrations.cannotMigrate(info.cannotMigrate);
      }
      lifetimes.observe(seconds);
      if (lines) log.info(lineOf(end, seconds), 'tunnel');
    },
  };
}

function lineOf(end: TunnelEnd, seconds: number): object {
  const { info } = end;
  return {
    id: info.id,
    from: info.address,
    uid: info.uid || undefined,
    product: info.product,
    target: info.member.target.name,
    handedOff: end.handedOff,
    seconds: round(seconds),
    bytesIn: end.bytesFromClient,
    bytesOut: end.bytesFromTarget,
    messagesIn: end.messagesFromClient,
    messagesOut: end.messagesFromTarget,
    moves: end.migrations,
    cause: end.cause,
    closeCode: end.closeCode,
  };
}
