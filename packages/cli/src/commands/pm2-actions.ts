/** What `gopush pm2` can do. */
export const pm2Actions = ['start', 'reload', 'stop', 'status', 'logs'] as const;
