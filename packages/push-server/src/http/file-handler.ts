import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { failureBody } from '@gopush/contract';

const require = createRequire(import.meta.url);

/** The URL of the client library in pages of gopush 0.1. */
const oldLibrary = /^\/socket\.io\.js(?:\?|$)/;

/**
 * Creates a handler that serves the files of a folder. All other URLs, or all URLs without a folder, are not found.
 *
 * @param path - the path of Socket.IO, below which it serves its client library
 */
export function createFileHandler(folder: string | undefined, path: string): RequestListener {
  const notFound: RequestListener = (request, response) => {
    if (oldLibrary.test(request.url ?? '')) {
      // Relative: an agent may have removed the beginning of the path.
      response.writeHead(302, { location: `.${path}/socket.io.js`, 'cache-control': 'no-cache' }).end();
      return;
    }
    response.writeHead(404, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(failureBody('not_found')));
  };
  if (folder === undefined) return notFound;
  // Loaded only where there are files.
  const express = require('express') as typeof import('express');
  const app = express();
  app.disable('x-powered-by');
  app.use(express.static(folder));
  app.use(notFound);
  return app;
}
