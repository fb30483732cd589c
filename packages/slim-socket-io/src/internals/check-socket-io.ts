import type { Fault } from './fault.ts';
import { describeVersions, installedVersions, type Versions } from './installed-versions.ts';
import { missingNames } from './missing-names.ts';
import type { Purpose } from './names-of.ts';
import { type Rehearsal, rehearse } from './rehearsal.ts';
import { wrongBehaviour } from './wrong-behaviour.ts';

/** Which parts of Socket.IO, Engine.IO and `ws` can be replaced. */
export interface Support {
  readonly versions: Versions;
  /** Whether faster writing can be switched on. */
  readonly speed: boolean;
  /** Whether what a client keeps can be replaced by what takes less memory. */
  readonly memory: boolean;
  /** Differences that cost only speed, memory or exact figures; one sentence each. */
  readonly warnings: readonly string[];
}

let checked: Promise<Support> | undefined;

/**
 * Looks at the installed Socket.IO, Engine.IO and `ws` before a server uses them: connects a client in memory, and compares every private
 * name that gopush touches with what it knows. Done once for each process.
 *
 * @throws Error with the versions it saw, if a push-server would not work correctly with them
 */
export function checkSocketIo(): Promise<Support> {
  checked ??= runCheck(rehearse);
  return checked;
}

/** The check itself, with connections of any kind. */
export async function runCheck(start: () => Promise<Rehearsal>): Promise<Support> {
  const versions = installedVersions();
  let rehearsal: Rehearsal;
  try {
    rehearsal = await start();
  } catch (cause) {
    throw unsupported(versions, [String((cause as Error).message)], { cause });
  }
  try {
    const missing = missingNames(rehearsal);
    // With missing names, nothing is tried out.
    const isUsable = missing.every(({ purpose }) => purpose !== 'correctness');
    return judge(versions, isUsable ? [...missing, ...(await wrongBehaviour(rehearsal))] : missing);
  } finally {
    // The faults that were found say more than an error of closing such a connection.
    await rehearsal.close().catch(() => {});
  }
}

/** @throws Error if a fault is one of correctness */
export function judge(versions: Versions, faults: readonly Fault[]): Support {
  const fatal = faults.filter(({ purpose }) => purpose === 'correctness');
  if (fatal.length > 0)
    throw unsupported(
      versions,
      fatal.map(({ what }) => what),
    );
  const has = (purpose: Purpose): boolean => !faults.some((fault) => fault.purpose === purpose);
  return {
    versions,
    speed: has('speed'),
    memory: has('memory'),
    warnings: faults.map(({ what, purpose }) => `${what} (${describeVersions(versions)}): ${consequences[purpose]}`),
  };
}

const consequences: Readonly<Record<Purpose, string>> = {
  correctness: 'a push-server would not work correctly',
  speed: 'messages are written at the speed of plain Socket.IO',
  memory: 'clients take as much memory as with plain Socket.IO',
  figures: 'some metrics are less exact',
};

function unsupported(versions: Versions, faults: readonly string[], options?: ErrorOptions): Error {
  return new Error(
    `this version of gopush cannot use ${describeVersions(versions)}: ${faults.join('; ')}. Install versions of the ranges that gopush asks for`,
    options,
  );
}
