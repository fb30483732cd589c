import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { AdminOptions } from '../api/ask-admin.ts';
import { completionFor, type Shell, shells } from '../completion/completion-for.ts';
import type { ProjectOptions } from '../project.ts';
import { type Sorting, sortings } from '../screen/cluster-lines.ts';
import type { RouteOptions } from './route.ts';
import type { TokenOptions } from './token.ts';

/** Which admin listener is asked. */
type Asked = Pick<AdminOptions, 'admin' | 'adminKey'>;

/** Adds the commands that show the whole cluster, as any admin listener of a running project knows it. */
export function addClusterCommands(program: Command, projectOptions: () => ProjectOptions): void {
  addShow(program, 'status', 'show the whole cluster; exit code 1 if it is not healthy')
    .option('--json', 'print JSON: docs/cluster.schema.json')
    .action(async (options: Asked & { json?: boolean }) => {
      const { status } = await import('./status.ts');
      await status({ ...projectOptions(), ...options });
    });
  addShow(program, 'top', 'watch the whole cluster, once a second')
    .option('--json', 'print a line of JSON each second')
    .addOption(new Option('--sort <by>', 'order of the nodes').choices(Object.keys(sortings)).default('name'))
    .option('--count <times>', 'end after this number of seconds', readCount)
    .action(async (options: Asked & { json?: boolean; sort: Sorting; count?: number }) => {
      const { top } = await import('./top.ts');
      await top({ ...projectOptions(), ...options });
    });
}

/** Adds `gopush routes` and `gopush route`. */
export function addRoutes(program: Command, projectOptions: () => ProjectOptions): void {
  addShow(program, 'routes', 'list the routes and products of the router, and their targets as all agents see them')
    .option('--json', 'print JSON: docs/cli.schema.json')
    .action(async (options: Asked & { json?: boolean }) => {
      const { routes } = await import('./routes.ts');
      await routes({ ...projectOptions(), ...options });
    });
  addShow(program, 'route', 'show which target a new session of a client would get, and why; needs a key of admin.keys')
    .argument('[uid]', 'absent: an anonymous client, with --ip')
    .option('--product <product>', 'product (default: that of --path)')
    .option('--path <path>', 'path and query of the request, for routes of the router (default: /)')
    .option('--host <name>', 'host of the request')
    .option('--ip <address>', 'address of the client')
    .option('--header <lines...>', 'headers of the request, such as "Cookie: theme=dark", for a function of the router')
    .option('--json', 'print JSON: docs/cli.schema.json')
    .action(async (uid: string | undefined, options: Asked & Omit<RouteOptions, keyof ProjectOptions>) => {
      const { route } = await import('./route.ts');
      await route(uid, { ...projectOptions(), ...options });
    });
}

/** Adds `gopush token` and `gopush completion`. */
export function addToolCommands(program: Command, projectOptions: () => ProjectOptions): void {
  program
    .command('token')
    .description('print a token for tests: a JWT, or the headers of a signed identity')
    .argument('<uid>')
    .addOption(new Option('--secret <secret>', 'secret of the JWT').env('JWT_SECRET'))
    .option('--claim <name>', 'claim of the JWT that holds the uid', 'sub')
    .option('--identity', 'print the headers that a push-server accepts, signed with access.secrets')
    .option('--product <product>', 'with --identity: the product')
    .option('--ttl <seconds>', 'how long it is valid', readCount, 3_600)
    .option('--json', 'print JSON: docs/cli.schema.json')
    .action(async (uid: string, options: Omit<TokenOptions, keyof ProjectOptions>) => {
      const { token } = await import('./token.ts');
      await token(uid, { ...projectOptions(), ...options });
    });
  program
    .command('completion')
    .description('print a script that completes commands in a shell')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      '\nbash: eval "$(gopush completion bash)"; zsh: eval "$(gopush completion zsh)"; fish: gopush completion fish | source',
    )
    .action((shell: Shell) => void process.stdout.write(completionFor(shell, program)));
}

function addShow(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--admin <url>', 'URL of an admin listener (default: those of this machine, from the settings)')
    .addOption(
      new Option('--admin-key <key>', 'key of an operator (default: the first of admin.keys)').env('GOPUSH_ADMIN_KEY'),
    );
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number, 1 or more.');
  return Number(text);
}
