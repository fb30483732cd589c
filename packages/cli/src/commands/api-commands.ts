import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ApiOptions } from '../api/find-api.ts';
import type { ProjectOptions } from '../project.ts';
import { checkUid, presence, presenceInRoom } from './presence.ts';
import { push, type Said } from './push.ts';

type Access = Pick<ApiOptions, 'url' | 'key' | 'product'>;

interface SayOptions extends Access, Pick<Said, 'id' | 'keep'> {
  readonly store?: true;
  readonly ttl?: number;
}

/** Adds the commands that ask the HTTP API of a running push-server. */
export function addApiCommands(program: Command, projectOptions: () => ProjectOptions): void {
  const pushCommand = program.command('push').description('say an event to clients, by the HTTP API');
  addSay(pushCommand, 'room', 'to all in a room', '<room>')
    .addOption(idOption())
    .addOption(keepOption())
    .action((room: string, event: string, message: string | undefined, { url, key, product, ...how }: SayOptions) =>
      push({ room }, { event, message, ...how }, { ...projectOptions(), url, key, product }),
    );
  addSay(pushCommand, 'user', 'to all devices of a user', '<uid>')
    .addOption(idOption())
    .addOption(keepOption())
    .option('--store', 'until one device has acknowledged it, instead of to those that are connected now')
    .option('--ttl <ms>', 'with --store: how long it waits, in milliseconds', readWhole)
    .action((user: string, event: string, message: string | undefined, options: SayOptions) => {
      const { url, key, product, store, ttl, ...how } = options;
      const waiting = { ...(store && { deliver: 'store' as const }), ...(ttl !== undefined && { ttlMs: ttl }) };
      return push({ user }, { event, message, ...how, ...waiting }, { ...projectOptions(), url, key, product });
    });
  addSay(pushCommand, 'all', 'to everyone who is connected').action(
    (event: string, message: string | undefined, access: Access) =>
      push('all', { event, message }, { ...projectOptions(), ...access }),
  );
  addAsk(program, 'presence', 'whether a user is connected, or who is in a room, by the HTTP API')
    .argument('[uid]')
    .option('--room <room>', 'who is in this room, one line for each 1,000 users')
    .action((uid: string | undefined, { room, ...access }: Access & { room?: string }) =>
      room !== undefined && uid === undefined
        ? presenceInRoom(room, { ...projectOptions(), ...access })
        : presence(checkUid(uid, room), { ...projectOptions(), ...access }),
    );
}

function addAsk(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option(
      '--url <url>',
      'of a push-server, or of an agent in front of it (else the first push-server of the project)',
    )
    .option('--product <product>', 'whose rooms and users are meant, with pushServer.isolateProducts')
    .addOption(
      new Option('--key <key>', 'key of the API (else the first of the project that may)').env('GOPUSH_API_KEY'),
    );
}

function addSay(parent: Command, name: string, description: string, receiver?: string): Command {
  const command = addAsk(parent, name, description);
  if (receiver !== undefined) command.argument(receiver);
  return command.argument('<event>').argument('[message]', 'JSON, or a text');
}

function idOption(): Option {
  return new Option('--id <id>', 'the same with the same id again is said once');
}

function keepOption(): Option {
  return new Option('--keep <how>', 'whether it is kept in the history (else must, where there is one)').choices([
    'must',
    'try',
    'no',
  ]);
}

function readWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number.');
  return Number(text);
}
