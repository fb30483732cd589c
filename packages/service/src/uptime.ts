/** What separates the clock of this process from that of the machine, in milliseconds. */
const sinceStart = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Time since the machine started, in milliseconds: the same in all its processes, and steady when its clock is set. */
export function uptimeMs(): number {
  return sinceStart + performance.now();
}
