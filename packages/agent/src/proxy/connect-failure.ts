import { failed, type Result, type Target } from '@gopush/contract';

/** Errors of connecting that come from this machine: descriptors, ports, memory. */
const ownErrors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** Whether an error says something of this machine, and nothing of the target. */
export function isOwnError(error: NodeJS.ErrnoException | undefined): boolean {
  return ownErrors.has(error?.code ?? '');
}

/** What it is called when a target could not be connected to. Where this machine has no means left, the target is not to blame. */
export function connectFailure({ name }: Target, error: NodeJS.ErrnoException | undefined): Result<never> {
  const detail = `${name}: ${error?.message ?? 'closed'}`;
  return failed(isOwnError(error) ? 'overloaded' : 'target_unreachable', detail, error);
}
