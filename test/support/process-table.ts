import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine. */
interface Listed {
  readonly pid: number;
  readonly parent: number;
  /** As `ps` calls it: `R`, `S`, … and `Z` for one that has ended and is not yet collected by its parent. */
  readonly state: string;
}

/** Ids of the processes that a process has started, in ascending order. */
export function childrenOf(pid: number): number[] {
  const all = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : undefined;
  const listed = all === undefined ? listByPs('-A') : all.flatMap((name) => readStat(name));
  return listed
    .filter(({ parent }) => parent === pid)
    .map((one) => one.pid)
    .sort((one, other) => one - other);
}

/** Whether a process runs; one that has ended and is only not yet collected by its parent does not. */
export function isAlive(pid: number): boolean {
  const [found] = process.platform === 'linux' ? readStat(String(pid)) : listByPs('-p', String(pid));
  return found !== undefined && !found.state.startsWith('Z');
}

/** Without a process of its own, unlike `ps`: tests look every few milliseconds. */
function readStat(pid: string): Listed[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Before them is the name of the program, which may have spaces and brackets.
    const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [{ pid: Number(pid), parent: Number(parent), state }];
  } catch {
    return [];
  }
}

function listByPs(...which: string[]): Listed[] {
  const { stdout } = spawnSync('ps', [...which, '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/);
    return state === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), state }];
  });
}
