import type { RequestListener } from 'node:http';
import { failureBody } from '@gopush/contract';
import express from 'express';

/** The client library where pages of gopush 0.1 have it. */
const oldLibrary = /^\/socket\.io\.js(?:\?|$)/;

/**
 * Serves the files of a folder; anything else, or everything without a folder, is not found.
 *
 * @param path - where Socket.IO is, and serves its client library
 */
export function createFileHandler(folder: string | undefined, path: string): RequestListener {
  const notFound: RequestListener = (request, response) => {
    if (oldLibrary.test(request.url ?? '')) {
      // Relative: an agent may have taken the beginning of the path off.
      response.writeHead(302, { location: `.${path}/socket.io.js`, 'cache-control': 'no-cache' }).end();
      return;
    }
    response.writeHead(404, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(failureBody('not_found')));
  };
  if (folder === undefined) return notFound;
  const app = express();
  app.disable('x-powered-by');
  app.use(express.static(folder));
  app.use(notFound);
  return app;
}
