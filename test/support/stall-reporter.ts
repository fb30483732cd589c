import { readdirSync, readFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { isLong } from './long.ts';

/** After this time without any result, a run counts as stalled, in milliseconds. The time limits of tests do not end one that blocks its process. */
const stalledMs = (isLong ? 30 : 4) * 60_000;

/**
 * Ends the processes of a run that stalls, after saying what was under way in them: the run then fails with the names of their files, where it would
 * otherwise wait until whoever started it gives up.
 */
export default class StallReporter implements Reporter {
  readonly #underWay = new Map<string, string[]>();
  #lastResult = 0;
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#lastResult = Date.now();
    this.#timer = setInterval(() => this.#look(), 10_000);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  onTestModuleQueued(file: TestModule): void {
    this.#underWay.set(nameOf(file), []);
  }

  onTestCaseReady(test: TestCase): void {
    this.#underWay.get(nameOf(test.module))?.push(test.fullName);
  }

  onTestCaseResult(test: TestCase): void {
    this.#lastResult = Date.now();
    const tests = this.#underWay.get(nameOf(test.module));
    tests?.splice(tests.indexOf(test.fullName), 1);
  }

  onTestModuleEnd(file: TestModule): void {
    this.#lastResult = Date.now();
    this.#underWay.delete(nameOf(file));
  }

  #look(): void {
    if (Date.now() - this.#lastResult < stalledMs) return;
    this.#lastResult = Date.now();
    process.stdout.write(`\nno result for ${stalledMs / 1_000} s; under way:\n`);
    for (const [file, tests] of this.#underWay) process.stdout.write(`  ${file} ${JSON.stringify(tests)}\n`);
    for (const pid of workers()) {
      process.stdout.write(`  ending process ${pid}: ${describe(pid)}\n`);
      process.kill(pid, 'SIGKILL');
    }
  }
}

function nameOf(file: TestModule): string {
  return `${file.project.name}: ${file.relativeModuleId}`;
}

/** The processes that this one started; none if there is no `/proc`. */
function workers(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && parentOf(name) === process.pid)
      .map(Number);
  } catch {
    return [];
  }
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** What a process does: its state, and where in the kernel it waits. */
function describe(pid: number): string {
  const read = (name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ').trim();
    } catch {
      return '?';
    }
  };
  return `${read('cmdline')}, waits in ${read('wchan')}, system call ${read('syscall')}`;
}
