import { readFileSync } from 'node:fs';

/** What a process has done since its start, and what it does now. */
export interface ProcessUse {
  /** CPU time of all its threads, in milliseconds. */
  readonly cpuMs: number;
  /** How long its main thread could have run, and had no CPU, in milliseconds; 0 if the kernel does not count that. */
  readonly waitedMs: number;
  /** Its state: `R` runs or could run, `D` waits for a disk, `T` is stopped, and others (proc_pid_stat(5)). */
  readonly state: string;
  /** Whether a debugger is attached to it (ptrace(2)). */
  readonly isTraced: boolean;
}

/** Texts of procfs about one process. */
export interface ProcessTexts {
  /** `/proc/<pid>/stat` */
  readonly stat: string;
  /** `/proc/<pid>/status` */
  readonly status: string;
  /** `/proc/<pid>/task/<pid>/schedstat`, of its main thread; empty if the kernel has none. */
  readonly schedstat: string;
}

/** A unit of CPU time in procfs, in milliseconds: the same on all systems with Node (`USER_HZ`). */
const tickMs = 10;

/** @returns `undefined` if it is gone, or hidden */
export function lookAtProcess(pid: number): ProcessUse | undefined {
  try {
    return readProcessUse({
      stat: readFileSync(`/proc/${pid}/stat`, 'latin1'),
      status: readFileSync(`/proc/${pid}/status`, 'latin1'),
      schedstat: readIfThere(`/proc/${pid}/task/${pid}/schedstat`),
    });
  } catch {
    return undefined;
  }
}

export function readProcessUse({ stat, status, schedstat }: ProcessTexts): ProcessUse {
  // The name of the program comes before, in parentheses, and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', , , , , , , , , , , user, system] = fields;
  const [, waited] = schedstat.split(' ');
  return {
    cpuMs: (number(user) + number(system)) * tickMs,
    waitedMs: number(waited) / 1_000_000,
    state,
    isTraced: !/^TracerPid:\s*0$/m.test(status),
  };
}

function number(text: string | undefined): number {
  return Number(text) || 0;
}

/** Kernels without CONFIG_SCHED_INFO have no such file. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
