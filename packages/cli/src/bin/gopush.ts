#!/usr/bin/env node
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Argument, Command, CommanderError, Option } from 'commander';
import type { ParsedOptions } from 'gopush-create';
import {
  type HookName,
  hookNames,
  nodeProblem,
  packageManagers,
  secretsFile,
  templateNames,
} from 'gopush-create/names';
import { CommandError, sayError } from '../command-error.ts';
import { addApiCommands, addListen } from '../commands/api-commands.ts';
import { addClusterCommands, addRoutes, addToolCommands } from '../commands/cluster-commands.ts';
import { pm2Actions } from '../commands/pm2-actions.ts';
import { packageFolder } from '../package-folder.ts';
import type { ProjectOptions } from '../project.ts';
import { type Tier, tiers } from '../tier-names.ts';

const problem = nodeProblem();
if (problem !== undefined) {
  process.stderr.write(`gopush: ${problem}\n`);
  process.exit(2);
}

const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
  version: string;
};

/*
 * Modules are loaded when a command needs them: `gopush start` is the parent of all processes, and does not need what they load. A shell
 * that completes a word, `--help` and `--version` need hardly anything.
 */
const program = new Command('gopush')
  .description('A realtime gateway for Node.')
  .version(version)
  .option('--dir <folder>', 'folder of the project', '.')
  .option('--env <name>', 'environment: selects config and hooks (default: GOPUSH_ENV, NODE_ENV, local)')
  .addHelpText(
    'after',
    `
Examples:
  gopush start                        run both tiers in the foreground
  gopush status                       show all agents, push-servers, targets and rooms
  gopush push room news hello '"hi"'   publish an event to a room
  gopush drain 0                      move the clients of push-server 0 to the others

Exit codes: 0 success; 1 a running process failed, or the cluster is not healthy; 2 a mistake in settings, hooks or the command.`,
  )
  .exitOverride();

// The reader of the output may have read enough, as `head` has. Servers keep running.
program.hook('preAction', (_program, command) => {
  if (!['start', 'dev'].includes(command.name())) process.stdout.on('error', () => process.exit());
});

const projectOptions = (): ProjectOptions => {
  const { dir, env } = program.opts<{ dir: string; env?: string }>();
  return { dir: resolve(dir), env };
};

const projectEnvironment = async (): Promise<{ dir: string; environment: string }> => {
  const { dir, env } = projectOptions();
  const { environmentName } = await import('@gopush/contract');
  return { dir, environment: environmentName(env, process.env) };
};

program.commandsGroup('Run:');
program
  .command('start')
  .description('run agents and push-servers in the foreground, as configured')
  .addArgument(new Argument('[tier]', 'only this tier').choices(tiers))
  .action(async (tier: string | undefined) => {
    const { start } = await import('../commands/start.ts');
    await start(tier, projectOptions());
  });
program
  .command('dev')
  .description('run everything in one process, with readable logs')
  .action(async () => {
    const { dev } = await import('../commands/dev.ts');
    await dev(projectOptions());
  });
program.commandsGroup('Check:');
program
  .command('check')
  .description('check settings, hooks, folders, ports, targets and Redis')
  .addArgument(new Argument('[tier]', 'only what this tier needs').choices(tiers))
  .option('--no-ports', 'skip ports, for a project that is running')
  .option('--build', 'check only what would keep processes from starting: settings, certificate, hooks')
  .option('--json', 'print JSON: { ok, findings: [{ what, state, detail }] }; docs/cli.schema.json')
  .action(async (tier: Tier | undefined, options: { ports: boolean; build?: boolean; json?: boolean }) => {
    const { check } = await import('../commands/check.ts');
    await check({ ...projectOptions(), tier, ...options });
  });
program
  .command('config')
  .description('print the settings: on a terminal with the origin of each, otherwise as JSON')
  .option('--origins', 'print the origin of each setting: file and line, variable or default')
  .option('--json', 'print JSON; with --origins: { settings, origins }')
  .action(async (options: { origins?: boolean; json?: boolean }) => {
    const { config } = await import('../commands/config.ts');
    await config({ ...projectOptions(), ...options });
  });
program.commandsGroup('Run:');
program
  .command('pm2')
  .description('run both tiers under pm2')
  .addArgument(new Argument('<action>').choices(pm2Actions))
  .action(async (action: string) => {
    const { pm2 } = await import('../commands/pm2.ts');
    await pm2(action, projectOptions());
  });
program
  .command('drain')
  .description('migrate all sessions of a push-server to the others; clients notice nothing')
  .argument('<index>', 'index of the push-server on this machine, from 0')
  .action(async (index: string) => {
    const { drain } = await import('../commands/drain.ts');
    await drain(index, projectOptions());
  });
program.commandsGroup('Watch:');
addClusterCommands(program, projectOptions);
addListen(program, projectOptions);
program.commandsGroup('Publish and look up:');
addRoutes(program, projectOptions);
addApiCommands(program, projectOptions);
program.commandsGroup('Set up:');
program
  .command('create')
  .description('create a project (the same as gopush-create)')
  .argument('[dir]', 'folder of the new project', '.')
  .addOption(new Option('--template <name>', 'what to begin with').choices(Object.keys(templateNames)))
  .option('--ts', 'hooks in TypeScript')
  .option('--js', 'hooks in JavaScript')
  .addOption(new Option('--typescript').hideHelp())
  .addOption(new Option('--pm <name>', 'package manager').choices(packageManagers))
  .option('-y, --yes', 'ask nothing: take the defaults, and install')
  .option('--no-install', 'install nothing')
  .option('--force', 'overwrite existing files')
  .action(async (dir: string, options: ParsedOptions) => {
    const { checkFlags, create } = await import('gopush-create');
    process.exitCode = await create(checkFlags(dir, options));
  });
addToolCommands(program, projectOptions);
const add = program.command('add').description('add a missing file');
add
  .command('hook')
  .description('add a hook file to edit')
  .addArgument(new Argument('<name>').choices(hookNames))
  .option('--typescript', 'in TypeScript', false)
  .action(async (hook: HookName, { typescript }: { typescript: boolean }) => {
    const { dir, environment } = await projectEnvironment();
    const pkg = await readFile(join(dir, 'package.json'), 'utf8').then(JSON.parse, () => ({}));
    const language = typescript ? 'ts' : pkg.type === 'module' ? 'js' : 'mjs';
    const { addHook } = await import('gopush-create');
    const path = await addHook({ dir, hook, environment, language, put: putNew });
    process.stdout.write(`wrote ${path}; ${consequences[hook]}\n`);
  });
add
  .command('secret')
  .description('add the secret with which agents sign identities for push-servers, in a file that is not committed')
  .action(async () => {
    const { dir, environment } = await projectEnvironment();
    const { addSecret } = await import('gopush-create');
    const path = await addSecret(dir, environment);
    if (path === undefined) throw new CommandError(1, `config/${secretsFile(environment)} exists already`);
    process.stdout.write(`wrote ${path}; copy it to all machines of this environment\n`);
  });

/** Effect of a new hook, which running processes load, too. */
const consequences: Readonly<Record<HookName, string>> = {
  agent: 'from now on this hook decides who clients are: check it',
  onupgrade: 'from now on this hook, and no longer the agent hook, decides who WebSocket clients are: check it',
  router: 'from now on products that it does not name are refused',
  server: 'from now on this hook decides what clients may do on push-servers',
};

async function putNew(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? new CommandError(1, `${path} exists already`) : error;
  });
}

const noCommand =
  '\ngopush: wanted a command: gopush start runs both tiers in the foreground; gopush pm2 start runs them under pm2, as gopush without a command did in 0.1\n';

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its message, except if the command is missing.
    if (error.code === 'commander.help' && error.exitCode !== 0) process.stderr.write(noCommand);
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.exitCode = sayError('gopush', error);
  }
}
