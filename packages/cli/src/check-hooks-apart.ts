import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ListedTarget } from '@gopush/agent/for-checks';
import type { CheckedHook, HookLocation } from '@gopush/hooks';

/** Findings about the hooks of a project. */
export interface CheckedHooks {
  readonly agent: readonly CheckedHook[];
  readonly server: readonly CheckedHook[];
  /** Those that the router lists by their addresses. */
  readonly targets: readonly ListedTarget[];
  /** Whether no product needs to know its clients. */
  readonly isPublic: boolean;
}

/** Messages of the process that loads the hooks: the hook it is about to load, and in the end its findings. */
export type CheckMessage =
  | { readonly loading: { readonly name: string; readonly file: string } }
  | { readonly checked: CheckedHooks };

/** How long a hook may take to load, in milliseconds: longer than the deadline of JavaScript in it. */
const loadMs = 20_000;

/**
 * Loads the hooks of a project in a separate process, and reports what is wrong with them. What a hook keeps open, blocks or ends is that
 * process's, which is over afterwards.
 */
export function checkHooksApart(location: HookLocation): Promise<CheckedHooks> {
  return new Promise((resolve) => {
    const program = fileURLToPath(new URL('./hook-checker.js', import.meta.url));
    // Output of hooks does not belong to the output of the command.
    // Two processes cannot be debugged on one port.
    const execArgv = process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
    const child = fork(program, [], { stdio: ['ignore', 2, 2, 'ipc'], execArgv });
    let loading = { name: 'hooks', file: location.dir };
    let timer: NodeJS.Timeout | undefined;
    const end = (checked: CheckedHooks): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.on('error', () => {});
      child.kill('SIGKILL');
      resolve(checked);
    };
    const fail = (problem: string): void => {
      const { name, file } = loading;
      end({ agent: [{ name, file, problem: `${file}: ${problem}` }], server: [], targets: [], isPublic: false });
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(`it did not load within ${loadMs} ms: it blocks the process`), loadMs);
    };
    child.on('message', (message) => {
      if (!isCheckMessage(message)) return;
      if ('checked' in message) return end(message.checked);
      loading = message.loading;
      wait();
    });
    child.on('error', (error) => fail(`a process to load it cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => fail(`it ends the process that loads it (${signal ?? `code ${code}`})`));
    child.send(location);
    wait();
  });
}

/** Hooks may send messages as well, for their own parent. */
function isCheckMessage(message: unknown): message is CheckMessage {
  if (typeof message !== 'object' || message === null) return false;
  const { loading, checked } = message as { loading?: { file?: unknown }; checked?: Partial<CheckedHooks> };
  if ('checked' in message)
    return Array.isArray(checked?.agent) && Array.isArray(checked.server) && Array.isArray(checked.targets);
  return typeof loading?.file === 'string';
}
