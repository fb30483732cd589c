import { defineServer } from 'gopush';

/** Tells a page which machine serves it. */
export default defineServer({
  onMessage: (_client, event) =>
    event === 'where' ? `machine ${process.env.GOPUSH_ENV}, process ${process.pid}` : undefined,
});
