import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type KeysOf, refuseUnknownKeys } from '@gopush/contract';
import { CommandError, sayError } from '../command-error.ts';
import { type CreateOptions, createProject } from './create-project.ts';

const optionKeys: KeysOf<CreateOptions> = { dir: true, typescript: true, force: true };

const usage = `Usage: gopush-create [dir] [--typescript] [--force]

Creates a gopush project in dir (default: the current folder). In an empty folder: a whole project.
In a folder with a package.json: a gopush/ folder and package scripts.

  --typescript  hooks in TypeScript
  --force       overwrite existing files
`;

/** `gopush-create`: runs it with these arguments and sets the exit code. */
export async function runCreate(args: readonly string[]): Promise<void> {
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      process.stdout.write(usage);
      return;
    }
    await create({ dir: positionals[0] ?? '.', typescript: values.typescript, force: values.force });
  } catch (error) {
    process.exitCode = sayError('gopush-create', error);
  }
}

/** Creates a project and prints what to type next. */
export async function create(options: CreateOptions): Promise<void> {
  refuseUnknownKeys('create', options, optionKeys);
  const created = await createProject(options);
  const show = (path: string): string => relative(process.cwd(), path) || '.';
  for (const path of created.written) process.stdout.write(`  wrote ${show(path)}\n`);
  for (const path of created.kept) process.stdout.write(`  kept  ${show(path)} (--force overwrites)\n`);
  for (const { path, why } of created.left) process.stdout.write(`  no    ${show(path)}: ${why}\n`);
  const { scripts } = created;
  const run = (script: string): string => (script === 'start' ? 'npm start' : `npm run ${script}`);
  const next = [
    ...(options.dir === '.' ? [] : [`cd ${options.dir}`]),
    'npm install',
    `${run(scripts.dev)}      # everything in one process; open http://localhost:6003`,
    `${run(scripts.start)}        # as configured, one process each`,
  ];
  process.stdout.write(`\nNext:\n${next.map((line) => `  ${line}\n`).join('')}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        typescript: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new CommandError(2, `${(error as Error).message}\n${usage}`);
  }
}
