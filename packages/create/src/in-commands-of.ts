import type { PackageManager } from './names.ts';

/** How a package manager adds a package, runs a script, and runs a command of a package. */
const commands = {
  pnpm: { add: 'pnpm add', run: 'pnpm run', exec: 'pnpm exec' },
  // Without `run`, `yarn check` and `bun test` would be commands of their own; without `exec`, `yarn pm2` the script of that name.
  yarn: { add: 'yarn add', run: 'yarn run', exec: 'yarn exec' },
  bun: { add: 'bun add', run: 'bun run', exec: 'bunx' },
} as const;

/**
 * A README, which is written for npm, with the commands of the project's package manager: npm does not get along with the `node_modules` of
 * others.
 */
export function inCommandsOf(packageManager: PackageManager, text: string): string {
  if (packageManager === 'npm') return text;
  const { add, run, exec } = commands[packageManager];
  const replaced = text
    .replaceAll(/\bnpm install (?=\w)/g, `${add} `)
    .replaceAll(/\bnpm install\b/g, `${packageManager} install`)
    .replaceAll(/\bnpm run ([\w:]+)( -- )?/g, (_npm, script: string, dashes = '') => `${run} ${script}${dashes && ' '}`)
    .replaceAll(/\bnpm (start|test)\b/g, `${run} $1`)
    .replaceAll(/\bnpx (?=\w)/g, `${exec} `);
  return replaced.replaceAll(/(?<=^```sh\n).*?(?=^```)/gms, alignComments);
}

/** Puts the comments behind the commands of a block below each other. */
function alignComments(block: string): string {
  const parts = /^(\S.*?) {2,}(# .*)$/gm;
  const width = Math.max(0, ...[...block.matchAll(parts)].map(([, command = '']) => command.length));
  return block.replaceAll(parts, (_line, command: string, comment: string) => `${command.padEnd(width)}    ${comment}`);
}
