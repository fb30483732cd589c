import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ApiOptions } from '../api/find-api.ts';
import type { ProjectOptions } from '../project.ts';
import type { Receiver, Said } from './push.ts';

type Access = Pick<ApiOptions, 'url' | 'key' | 'product'>;

interface SayOptions extends Access, Pick<Said, 'id' | 'keep'> {
  readonly store?: true;
  readonly ttl?: number;
}

/** Adds the commands that ask the HTTP API of a running push-server. */
export function addApiCommands(program: Command, projectOptions: () => ProjectOptions): void {
  const pushCommand = program.command('push').description('publish an event to clients, through the HTTP API');
  addSay(pushCommand, 'room', 'to all clients in a room', '<room>')
    .addOption(idOption())
    .addOption(keepOption())
    .action((room: string, event: string, message: string | undefined, { url, key, product, ...how }: SayOptions) =>
      push({ room }, { event, message, ...how }, { ...projectOptions(), url, key, product }),
    );
  addSay(pushCommand, 'user', 'to all devices of a user', '<uid>')
    .addOption(idOption())
    .addOption(keepOption())
    .option(
      '--store',
      'keep it in the inbox until one device has acknowledged it, instead of sending it to the connected devices',
    )
    .option('--ttl <ms>', 'with --store: how long it stays in the inbox, in milliseconds', readWhole)
    .action((user: string, event: string, message: string | undefined, options: SayOptions) => {
      const { url, key, product, store, ttl, ...how } = options;
      const waiting = { ...(store && { deliver: 'store' as const }), ...(ttl !== undefined && { ttlMs: ttl }) };
      return push({ user }, { event, message, ...how, ...waiting }, { ...projectOptions(), url, key, product });
    });
  addSay(pushCommand, 'all', 'to all connected clients').action(
    (event: string, message: string | undefined, access: Access) =>
      push('all', { event, message }, { ...projectOptions(), ...access }),
  );
  addAsk(program, 'presence', 'show whether a user is connected, or who is in a room, through the HTTP API')
    .argument('[uid]')
    .option('--room <room>', 'users in this room, one line per 1,000 users')
    .addOption(jsonOption())
    .action(async (uid: string | undefined, { room, ...access }: Access & { room?: string }) => {
      const { checkUid, presence, presenceInRoom } = await import('./presence.ts');
      await (room !== undefined && uid === undefined
        ? presenceInRoom(room, { ...projectOptions(), ...access })
        : presence(checkUid(uid, room), { ...projectOptions(), ...access }));
    });
}

async function push(receiver: Receiver, said: Said, options: ApiOptions): Promise<void> {
  const command = await import('./push.ts');
  await command.push(receiver, said, options);
}

/** Adds `gopush listen`. */
export function addListen(program: Command, projectOptions: () => ProjectOptions): void {
  addAsk(program, 'listen', 'print the messages that are published to rooms and users, through the HTTP API')
    .addOption(new Option('--room <room...>', 'rooms'))
    .addOption(new Option('--user <uid...>', 'users'))
    .option('--count <times>', 'end after this number of messages', readWhole)
    .addOption(jsonOption())
    .action(async (options: Access & { room?: string[]; user?: string[]; count?: number }) => {
      const { room: rooms = [], user: users = [], ...access } = options;
      const { listen } = await import('./listen.ts');
      await listen({ rooms, users }, { ...projectOptions(), ...access });
    });
}

function addAsk(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option(
      '--url <url>',
      'URL of a push-server, or of an agent in front of it (default: the first push-server of the project)',
    )
    .option('--product <product>', 'product of the rooms and users, with pushServer.isolateProducts')
    .addOption(
      new Option('--key <key>', 'API key (default: the first key of the project with the needed scope)').env(
        'GOPUSH_API_KEY',
      ),
    );
}

function addSay(parent: Command, name: string, description: string, receiver?: string): Command {
  const command = addAsk(parent, name, description);
  if (receiver !== undefined) command.argument(receiver);
  return command.argument('<event>').argument('[message]', 'JSON, or plain text');
}

/** For scripts that give it to all commands. */
function jsonOption(): Option {
  return new Option('--json', 'print JSON; this command always does: docs/cli.schema.json');
}

function idOption(): Option {
  return new Option('--id <id>', 'idempotency key: messages with the same id are published only once');
}

function keepOption(): Option {
  return new Option(
    '--keep <how>',
    'whether it is stored in the history (default: must, if rooms have a history)',
  ).choices(['must', 'try', 'no']);
}

function readWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number.');
  return Number(text);
}
