import { existsSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { agentHeader, type FailureCode, failureBody, uidParameter } from '@gopush/contract';
import { type Logger, requireOnDemand } from '@gopush/service';

const require = requireOnDemand(import.meta.url);

/** The URL of the client library in pages of gopush 0.1. */
const oldLibrary = /^\/socket\.io\.js(?:\?|$)/;

/**
 * Creates a handler that serves the files of a folder. All other URLs, or all URLs without a folder, are not found.
 *
 * @param path - the path of Socket.IO, below which it serves its client library
 */
export function createFileHandler(folder: string | undefined, path: string, log: Logger): RequestListener {
  const notFound: RequestListener = (request, response) => {
    if (oldLibrary.test(request.url ?? '')) {
      // Relative: an agent may have removed the beginning of the path.
      response.writeHead(302, { location: `.${path}/socket.io.js`, 'cache-control': 'no-cache' }).end();
      return;
    }
    respond(response, 404, 'not_found');
  };
  if (folder === undefined) return notFound;
  if (!existsSync(folder)) log.warn({ folder }, 'pushServer.publicDir does not exist: no files are served');
  let serve: ReturnType<typeof import('serve-static')> | undefined;
  return (request, response) => {
    const next = (error?: unknown): void => {
      if (error === undefined) notFound(request, response);
      else {
        const { status = 500, headers = {} } = error as FileError;
        if (status >= 500) log.error({ err: error }, 'a file of publicDir could not be served');
        refuse(response, status, headers);
      }
    };
    try {
      serve ??= openFolder(folder);
    } catch (error) {
      next(error);
      return;
    }
    try {
      (request as Mounted).originalUrl = urlForClient(request);
      void serve(request, response, next);
    } catch {
      // A URL that cannot be parsed names no file.
      notFound(request, response);
    }
  };
}

/** Loaded for the first file: most pages come from elsewhere. Express, whose `static` this is, would take five times as long. */
function openFolder(folder: string): ReturnType<typeof import('serve-static')> {
  const serveStatic = require('serve-static') as typeof import('serve-static');
  return serveStatic(folder);
}

/** What `serve-static` reads of a request: the URL of which it makes the address of a folder, with a slash at the end, when that is missing. */
interface Mounted extends IncomingMessage {
  originalUrl?: string | undefined;
}

/** The agent adds it at the end, after it has removed all others. */
const uidOfAgent = new RegExp(`[?&]${uidParameter}=[^&]*$`);

/**
 * The URL of a request as its client may see it again: relative, as an agent may have removed the beginning of the path, and without the uid that
 * the agent has added. A shared cache keeps a redirect, and would tell it to other users.
 *
 * @returns `undefined` if it does not begin with a path: then no agent has changed it
 */
function urlForClient({ url = '', headers }: IncomingMessage): string | undefined {
  if (!url.startsWith('/')) return undefined;
  const plain = headers[agentHeader] === undefined ? url : url.replace(uidOfAgent, '');
  const mark = plain.indexOf('?');
  const end = mark === -1 ? plain.length : mark;
  return `.${plain.slice(plain.lastIndexOf('/', end))}`;
}

/** Why a file cannot be served, as `send` says it (https://github.com/pillarjs/send): 412, 416, or 500 if the disk fails. */
interface FileError {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  if (response.headersSent) {
    // A part of the file is sent: the client sees that it is not whole.
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  respond(response, status, status < 500 ? 'request_malformed' : 'internal');
}

function respond(response: ServerResponse, status: number, code: FailureCode): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(failureBody(code)));
}
