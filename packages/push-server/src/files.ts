import type { RequestListener } from 'node:http';
import { failureBody } from '@gopush/contract';
import express from 'express';

/** Serves the files of a folder; anything else, or everything without a folder, is not found. */
export function createFileHandler(folder: string | undefined): RequestListener {
  const notFound: RequestListener = (_request, response) => {
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
