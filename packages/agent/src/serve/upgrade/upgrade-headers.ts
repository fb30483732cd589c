/** The headers of an upgrade to WebSocket, in requests and responses (RFC 6455 section 4). */
export const upgradeHeaders = ['connection', 'Upgrade', 'upgrade', 'websocket'] as const;
