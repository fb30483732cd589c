import { closeSync, constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether this process has a controlling terminal. The kernel removes it before it sends SIGHUP (tty_ioctl(4)). */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** The standard streams that are terminals; none under `nohup`. */
export function terminalStreams(): readonly number[] {
  return [0, 1, 2].filter((fd) => isatty(fd));
}

/**
 * Replaces closed terminals by the null device. Otherwise Node crashes at exit, when it cannot restore their modes (`ResetStdio` in its node.cc).
 *
 * @param streams - the streams that were terminals
 */
export function releaseTerminals(streams: readonly number[]): void {
  for (const fd of streams) {
    if (isatty(fd)) continue;
    closeSync(fd);
    // `open` returns the lowest free descriptor, which is this one.
    openSync('/dev/null', constants.O_RDWR);
  }
}
