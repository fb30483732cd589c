/** Actions of `gopush pm2`. */
export const pm2Actions = ['start', 'reload', 'stop', 'status', 'logs'] as const;
