import type { Server as HttpServer, RequestListener } from 'node:http';
import { resolve } from 'node:path';
import { isForApi } from '@gopush/contract';
import { handleExpectations, lingerAfterResponses } from '@gopush/service';
import type { Server } from 'socket.io';
import { type AddressOf, createAddressOf } from '../access/client-address.ts';
import { closeClients } from '../connection/close-clients.ts';
import { createIo } from '../connection/create-io.ts';
import { wrapAdapter } from '../fanout/adapter/wrap-adapter.ts';
import { ServerHandOffs } from '../hand-off/accept-hand-offs.ts';
import { reportEndings } from '../hand-off/report-endings.ts';
import { createHttp } from '../http/create-http.ts';
import { createFileHandler } from '../http/file-handler.ts';
import { HttpEnding } from '../http/http-ending.ts';
import { Limits } from '../limits/limits.ts';
import type { Dependencies } from './open-dependencies.ts';
import type { Settings } from './settings.ts';

/** The servers of a push-server; they do not listen yet. */
export interface Servers {
  readonly http: HttpServer;
  readonly io: Server;
  /** Serves the files of `pushServer.publicDir`, and responds to all other requests that they are not found. */
  readonly files: RequestListener;
  readonly limits: Limits;
  readonly addressOf: AddressOf;
  readonly ending: HttpEnding;
  /** Takes the connections that agents hand over; `undefined`: it takes none. */
  readonly handOffs: ServerHandOffs | undefined;
  /** Sets what serves requests below the path of the HTTP API. */
  serveApi(handler: RequestListener): void;
  /** Closes the Socket.IO server, once. */
  closeIo(): Promise<void>;
}

/**
 * Opens the HTTP server and the Socket.IO server on it, with the limits of clients.
 *
 * @throws Error if gopush cannot use the installed versions of Socket.IO, Engine.IO and `ws`
 */
export async function openServers(settings: Settings, { fanout, store }: Dependencies): Promise<Servers> {
  const { config, dir, log, lifetime } = settings;
  const { publicDir, path } = config.pushServer;
  const files = createFileHandler(publicDir === undefined ? undefined : resolve(dir, publicDir), path, log);
  let api = files;
  // Socket.IO puts its own handler before those that are there when it is attached.
  const http = createHttp(config, (request, response) => (isForApi(request.url) ? api : files)(request, response));
  const adapter = wrapAdapter(fanout.adapter, fanout.isJoined, log);
  const handOffs = openHandOffs(settings, http);
  const { io, clientGuard } = await createIo(http, config, adapter, log);
  if (handOffs !== undefined) reportEndings(io);
  const ending = new HttpEnding(http);
  lingerAfterResponses(http);
  handleExpectations(http);
  let closing: Promise<void> | undefined;
  const closeIo = (): Promise<void> => (closing ??= closeClients(io, ending));
  lifetime.opened('Socket.IO', closeIo);
  const addressOf = createAddressOf(config.access.trustedProxies);
  const limits = new Limits({
    io,
    guard: clientGuard,
    config: config.pushServer.limits,
    presence: store.presence,
    addressOf,
    log,
  });
  lifetime.opened('limits', () => limits.close());
  return {
    http,
    io,
    files,
    limits,
    addressOf,
    ending,
    handOffs,
    serveApi(handler) {
      api = handler;
    },
    closeIo,
  };
}

/** Takes connections as soon as the server listens, and until the last of its clients has gone. */
function openHandOffs(
  { config: { handOff }, dir, node, log, lifetime }: Settings,
  http: HttpServer,
): ServerHandOffs | undefined {
  if (!handOff.enabled) return undefined;
  const folder = handOff.dir === undefined ? {} : { dir: resolve(dir, handOff.dir) };
  const handOffs = new ServerHandOffs(http, { ...folder, name: node, logger: log, notes: true });
  lifetime.opened('hand-offs', () => handOffs.close());
  return handOffs;
}
