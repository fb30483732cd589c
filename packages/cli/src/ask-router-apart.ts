import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AskedRouter, ExplainedChoice } from '@gopush/agent/for-routes';

/** What the process that calls the router sends: the choice, or a sentence with what is wrong. */
export type RouterMessage = { readonly asked: ExplainedChoice | string };

/** How long loading the hooks may take, in milliseconds, beside the call itself. */
const loadMs = 20_000;

/**
 * Calls the function of a router in a separate process. What the hooks keep open, block or end is that process's, which is over afterwards.
 *
 * @returns the choice, or a sentence with what is wrong
 */
export function askRouterApart(question: AskedRouter): Promise<ExplainedChoice | string> {
  return new Promise((resolve) => {
    const program = fileURLToPath(new URL('./router-asker.js', import.meta.url));
    // As with the check of hooks: their output is not that of the command, and two processes cannot be debugged on one port.
    const execArgv = process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
    const child = fork(program, [], { stdio: ['ignore', 2, 2, 'ipc'], execArgv });
    const patienceMs = loadMs + question.config.hooks.timeoutMs;
    const end = (asked: ExplainedChoice | string): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.on('error', () => {});
      child.kill('SIGKILL');
      resolve(asked);
    };
    const timer = setTimeout(
      () => end(`the hooks did not respond within ${patienceMs} ms: they block the process`),
      patienceMs,
    );
    child.on('message', (message) => {
      if (isRouterMessage(message)) end(message.asked);
    });
    child.on('error', (error) => end(`a process for the hooks cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => end(`the hooks end the process that loads them (${signal ?? `code ${code}`})`));
    child.send(question);
  });
}

/** Hooks may send messages as well, for their own parent. */
function isRouterMessage(message: unknown): message is RouterMessage {
  const asked = (message as Partial<RouterMessage> | null)?.asked;
  if (typeof asked === 'string') return true;
  return Array.isArray(asked?.why) && Array.isArray(asked.ranking);
}
