import type { Target } from '@gopush/contract';
import type { Logger, Metrics } from '@gopush/service';
import type { SilentCause } from '../migration/crash/pulse.ts';
import type { Member } from '../route/fleet.ts';

/** Writes the lines and counts of the health of targets. */
export interface TargetObserver {
  ejected(member: Member, event: 'ejected' | 'back', forMs: number): void;
  /** A target gave no sign of life, and is taken for crashed. */
  targetSilent(target: Target, cause: SilentCause, tunnels: number, forMs: number): void;
}

export function observeTargets(metrics: Metrics, log: Logger): TargetObserver {
  const ejections = metrics.counter('target_ejections_total', 'Ejections of targets after failures in a row.', [
    'target',
  ]);
  const silences = metrics.counter('targets_silent_total', 'Silent targets whose sessions failed over, by cause.', [
    'cause',
  ]);
  return {
    ejected(member, event, forMs) {
      const { product, target, lastFailure } = member;
      if (event === 'back') {
        log.info({ product: product.name, target: target.name }, 'a target is back');
        return;
      }
      ejections.inc({ target: target.name });
      log.warn(
        { product: product.name, target: target.name, code: lastFailure, forMs },
        'a target fails: it is ejected and gets no clients for a while',
      );
    },
    targetSilent({ name }, cause, tunnels, forMs) {
      silences.inc({ cause });
      log.warn(
        { target: name, cause, tunnels, forMs: Math.round(forMs) },
        'a target is silent: its sessions fail over to other targets',
      );
    },
  };
}
