import { closeSync, constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether this process has a controlling terminal. The kernel takes it away before it tells of the hangup (tty_ioctl(4)). */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** Those of standard input, output and error that are terminals; under `nohup` none is. */
export function terminalStreams(): readonly number[] {
  return [0, 1, 2].filter((fd) => isatty(fd));
}

/**
 * Puts the null device in the place of terminals that are gone: Node wants to restore their modes when it exits, cannot, and crashes
 * (`ResetStdio` in its node.cc).
 *
 * @param streams - those that were terminals
 */
export function releaseTerminals(streams: readonly number[]): void {
  for (const fd of streams) {
    if (isatty(fd)) continue;
    closeSync(fd);
    // The lowest free descriptor, which is this one.
    openSync('/dev/null', constants.O_RDWR);
  }
}
