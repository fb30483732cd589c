import type { Adapter } from 'socket.io-adapter';

/** Makes the Socket.IO adapter of one namespace. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own adapters take a namespace of any type
export type AdapterFactory = (namespace: any) => Adapter;
