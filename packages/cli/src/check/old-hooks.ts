/** What hook files of gopush 0.1 were called that are called otherwise now, and what became of them. */
export const oldHooks: Readonly<Record<string, string>> = {
  'agent-middleware': 'it is called agent now',
  'onupgrade-middleware': 'it is called onupgrade now',
  dest: 'it is called router now',
  'admin-middleware': 'gopush has no admin pages of its own any more; Socket.IO has some: pushServer.adminUi',
  admin: 'gopush has no admin pages of its own any more; Socket.IO has some: pushServer.adminUi',
};
