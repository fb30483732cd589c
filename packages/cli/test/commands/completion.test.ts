import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';

const command = commandsOfFile();
const keys = fileURLToPath(new URL('../programs/keys.py', import.meta.url));

/** How each shell is started without the settings of its user, and what it is told first. `gopush` prints what it was called with. */
const shells = {
  bash: {
    start: ['bash', '--norc', '--noprofile', '-i'],
    setUp: (script: string) => `gopush() { echo "ran<$*>"; }; . ${script}; PS1="ready"; echo set"-up"`,
  },
  zsh: {
    start: ['zsh', '-f', '-i'],
    setUp: (script: string) => `gopush() { echo "ran<$*>"; }; . ${script}; echo set"-up"`,
  },
  fish: {
    start: ['fish', '--no-config', '-i'],
    setUp: (script: string) => `function gopush; echo "ran<$argv>"; end; source ${script}; echo set"-up"`,
  },
} as const;
type Shell = keyof typeof shells;

/** What is typed, with Tab, and what the shell makes of it. */
const typed: readonly (readonly [string, string])[] = [
  ['stat\t', 'status'],
  ['push ro\tnews hello', 'push room news hello'],
  ['pm2 relo\t', 'pm2 reload'],
  ['status --js\t', 'status --json'],
  ['top --sort mem\t', 'top --sort memory'],
  ['push room a b --kee\tmu\t', 'push room a b --keep must'],
  ['--env x start ag\t', '--env x start agent'],
  ['status --env x --js\t', 'status --env x --json'],
  ['add hook onu\t', 'add hook onupgrade'],
  ['help comp\t', 'help completion'],
];

function isInstalled(shell: string): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

for (const shell of Object.keys(shells) as Shell[]) {
  const missing = isInstalled(shell) ? '' : `: skipped, ${shell} is not installed`;
  test.skipIf(missing !== '')(
    `in ${shell}, Tab completes commands, subcommands, arguments, options and their values${missing}`,
    { timeout: 60_000 },
    async () => {
      const dir = await makeFolder();
      const script = join(dir, `gopush.${shell}`);
      await writeFile(script, (await command(['completion', shell])).stdout);
      const { start, setUp } = shells[shell];
      // Each line waits for what the one before has printed: the first one for a prompt.
      const prompts = { bash: '$', zsh: '%', fish: '>' };
      const steps = [root(prompts[shell]), `${setUp(script)}\r`];
      let before = 'set-up';
      for (const [line, expected] of typed) {
        steps.push(before, `gopush ${line}\r`);
        before = `ran<${expected}`;
      }
      steps.push(before, 'exit\r');
      const shown = execFileSync('python3', [keys, ...steps, '--', ...start], {
        cwd: dir,
        env: { ...process.env, HOME: dir, TERM: 'xterm', XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir },
        encoding: 'utf8',
        timeout: 15_000,
      });
      const ran = [...shown.matchAll(/ran<([^>$"]*)>/g)].map(([, words = '']) => words.trim());
      expect(ran).toEqual(typed.map(([, expected]) => expected));
    },
  );
}

/** The prompt of a shell, also if it runs as root. */
function root(prompt: string): string {
  return process.getuid?.() === 0 ? '#' : prompt;
}

test('bash completes what was begun, and offers options only for a dash', async () => {
  const { stdout } = await command(['completion', 'bash']);
  const complete = (...words: string[]): string[] => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const script = `${stdout}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _gopush; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8', timeout: 30_000 }).trim().split(' ');
  };
  expect(complete('gopush', 'sta')).toEqual(['start', 'status']);
  expect(complete('gopush', 'push', '')).toEqual(['room', 'user', 'all', 'help']);
  expect(complete('gopush', 'status', '--')).toEqual(expect.arrayContaining(['--json', '--admin', '--dir']));
  expect(complete('gopush', '--env', 'x', 'start', 'ag')).toEqual(['agent']);
  expect(complete('gopush', 'top', '--sort', '=', 'm')).toEqual(['messages', 'memory']);
  expect(complete('gopush', 'top', '--sort', 'cpu', '--js')).toEqual(['--json']);
  // A value that is the name of a command is none.
  expect(complete('gopush', '--dir', 'push', 'stat')).toEqual(['status']);
  expect((await command(['completion', 'tcsh'])).code).toBe(2);
});
