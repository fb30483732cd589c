import { z } from 'zod';

/** Settings of the hand-off of connections between the processes of one machine. */
export const handOff = z
  .strictObject({
    enabled: z.boolean().default(false).meta({
      description:
        'Whether agents hand the connections of upgraded clients over to targets on the same machine that accept them, instead of copying bytes. Only on Linux; all other connections stay tunnels.',
    }),
    dir: z.string().min(1).optional().meta({
      description:
        'Folder of the sockets over which connections are passed, relative to the project. Only the user of the processes may have access to it. Absent: gopush-<user id> in the folder for temporary files.',
    }),
  })
  .prefault({})
  .meta({ description: 'Hand-off: agents pass connections to targets on the same machine.' });
